import importlib
import importlib.machinery
import importlib.metadata
import site
import sys

print(site.getsitepackages(), site.getusersitepackages(), site.ENABLE_USER_SITE)
print(sorted({name.metadata["Name"] for name in importlib.metadata.distributions()}))
print(importlib.machinery.PathFinder.find_spec("json").origin)
print(sys.implementation.cache_tag, importlib.util.cache_from_source("x.py"))
print(__import__("json").__file__, __import__("json").__spec__)
