import sys

print(sys.path)
print(sys.meta_path, [str(hook).partition(" at 0x")[0] for hook in sys.path_hooks])
