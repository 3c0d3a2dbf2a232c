import decimal
import faulthandler
import locale
import socket
import sys
import time

print(faulthandler.is_enabled(), sys.getrecursionlimit(), sys.getswitchinterval())
print(sys.get_int_max_str_digits(), sys.getdlopenflags(), sys.is_finalizing())
print(locale.setlocale(locale.LC_ALL), locale.getpreferredencoding(), locale.getlocale())
print(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors(), sys.getdefaultencoding())
print(time.tzname, time.timezone, socket.getdefaulttimeout(), decimal.getcontext())
if hasattr(sys, "monitoring"):
    print([sys.monitoring.get_tool(number) for number in range(6)])
for name in ("_is_gil_enabled", "is_remote_debug_enabled", "_is_interned"):
    print(name, hasattr(sys, name))
