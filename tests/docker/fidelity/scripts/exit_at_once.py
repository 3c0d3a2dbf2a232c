import atexit
import os

atexit.register(print, "never seen")
print("never flushed")
os.write(1, b"written\n")
os._exit(7)
