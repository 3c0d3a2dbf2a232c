import os
import site
import sys

folder = site.getusersitepackages()
print(sys.argv[1:], folder in sys.path, [path for path in sys.path if "planted" in path])
print("customised" in dir(__import__("builtins")))
try:
    import planted

    print(planted.__file__, planted.VALUE)
except ImportError as error:
    print(error)
if "--install" in sys.argv:
    os.makedirs(f"{folder}/planted_folder", exist_ok=True)
    with open(f"{folder}/planted.py", "w") as stream:
        stream.write("VALUE = 1\n")
    os.utime(f"{folder}/planted.py", (1, 1))
    with open(f"{folder}/planted.pth", "w") as stream:
        stream.write("planted_folder\nimport builtins; builtins.customised = 1\n")
    with open(f"{folder}/usercustomize.py", "w") as stream:
        stream.write("import sys\nprint('usercustomize', sys.argv)\n")
