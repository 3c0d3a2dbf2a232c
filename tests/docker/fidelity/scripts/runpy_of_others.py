import os
import runpy
import sys

with open("other.py", "w") as stream:
    stream.write("import sys\nprint(__name__, __file__, sys.argv, sys.path[0])\nvalue = 3\n")
os.utime("other.py", (1, 1))
print(runpy.run_path("other.py")["value"])
print(runpy.run_path("other.py", run_name="__main__")["__name__"])
print(runpy.run_module("other", alter_sys=True)["__spec__"])
print(sys.modules["__main__"].__file__)
