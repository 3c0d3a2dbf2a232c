import importlib
import pkgutil
import sys

print(pkgutil.get_data("__main__", "reload_of_main.py")[:16])
print(__loader__.get_source("__main__")[:16], __loader__.is_package("__main__"))
importlib.reload(sys.modules["__main__"])
