import atexit
import os

atexit.register(print, "never")
print("before", flush=True)
os.environ["GIVEN"] = "yes"
os.execvp("sh", ["sh", "-c", "echo $GIVEN; ls /proc/self/fd | wc -l; exit 6"])
