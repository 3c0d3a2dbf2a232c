import sys
import threading

for name in ("displayhook", "excepthook", "unraisablehook", "breakpointhook"):
    print(name, getattr(sys, name) is getattr(sys, f"__{name}__"), getattr(sys, name))
print(sys.gettrace(), sys.getprofile(), sys.get_asyncgen_hooks())
print(sys.get_coroutine_origin_tracking_depth(), sys.exc_info())
print(hasattr(sys, "ps1"), hasattr(sys, "last_value"), hasattr(sys, "last_exc"))
print(threading.excepthook is threading.__excepthook__, threading.gettrace(), threading.getprofile())
print(sys.__stdout__ is sys.stdout, sys.__stderr__ is sys.stderr, sys.__stdin__ is sys.stdin)
