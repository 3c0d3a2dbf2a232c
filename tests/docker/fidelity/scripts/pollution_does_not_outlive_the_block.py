import builtins
import json
import os
import signal
import sys
import warnings

print(hasattr(builtins, "MINE"), hasattr(json, "MINE"), "MINE" in os.environ, os.umask(0o22))
print("MINE" in sys.path, "MINE" in sys.modules, signal.getsignal(signal.SIGTERM), os.getcwd())
print(os.nice(0), sys.getrecursionlimit(), len(warnings.filters), os.path.exists("mark"))
builtins.MINE = json.MINE = sys.modules["MINE"] = 1
os.environ["MINE"] = "1"
sys.path.append("MINE")
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.umask(0o77)
os.nice(5)
sys.setrecursionlimit(900)
warnings.simplefilter("error")
builtins.print = json.dumps = None
open("mark", "w").close()
os.chdir("/")
