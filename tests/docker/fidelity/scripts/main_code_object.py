import sys

code = sys._getframe().f_code
print(code.co_name, code.co_filename, code.co_firstlineno, code.co_flags, code.co_stacksize)
print(getattr(code, "co_qualname", ""), sys._getframe().f_back, sys._getframe().f_lineno)
print(sys._getframe().f_globals is sys._getframe().f_locals is globals())
