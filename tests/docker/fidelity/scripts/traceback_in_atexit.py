import atexit
import sys


@atexit.register
def last():
    print("last")


@atexit.register
def broken():
    raise ValueError("in atexit")


atexit.register(lambda: sys.exit(9))
print("end of main")
