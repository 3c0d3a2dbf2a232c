import os
import sys

print({name: value for name, value in os.environ.items() if name.startswith(("PY", "L", "TZ"))})
print(sys.flags, sys.warnoptions, sys.path, sys.dont_write_bytecode, sys.stdout.encoding)
print(sys.stdout.errors, sys.stdout.write_through, sys.getfilesystemencoding(), __debug__)
print(hash("a") if sys.flags.hash_randomization == 0 else "random", sys.stderr.line_buffering)
print("faulthandler" in sys.modules, "tracemalloc" in sys.modules, sys.pycache_prefix)
print(sys.getrecursionlimit(), sys.get_int_max_str_digits())
