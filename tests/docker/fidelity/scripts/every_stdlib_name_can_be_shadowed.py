import sys

here = sys.path[0]
shadowed = []
for name in sorted(sys.stdlib_module_names):
    if name not in sys.modules:
        shadowed.append(name)
        with open(f"{here}/{name}.py", "w") as stream:
            stream.write("MINE = 1\n")
sys.path_importer_cache.clear()
sys.dont_write_bytecode = True
for name in shadowed:  # what is built in or frozen cannot be
    try:
        if not hasattr(__import__(name), "MINE"):
            print(name, "is not mine")
    except Exception as error:
        print(name, type(error), error)
print(len(shadowed))
