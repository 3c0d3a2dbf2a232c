import os
import signal
import sys

print("buffered, and lost", flush=len(sys.argv) > 2)
os.kill(os.getpid(), getattr(signal, sys.argv[1]))
signal.pause()
