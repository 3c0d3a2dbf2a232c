import sys

print(__file__)
print(sys.argv)
print(sys.orig_argv)
print(sys.path)
print(sys._getframe().f_code.co_filename)
print(sys.modules["__main__"].__file__)
