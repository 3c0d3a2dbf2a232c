"""The docstring of the block."""
import builtins
import sys

main = sys.modules["__main__"]
print(__name__, __spec__, __package__, __doc__)
print(type(__loader__), __loader__.name, __loader__.path)
print(__builtins__ is builtins, type(__builtins__))
print(globals() is main.__dict__, type(main), repr(main))
print("__cached__" in globals(), "__annotations__" in globals(), "__path__" in globals())
print(main.__name__, getattr(main, "__file__", None), list(sys.modules).count("__main__"))
