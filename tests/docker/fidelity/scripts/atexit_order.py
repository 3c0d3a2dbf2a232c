import atexit
import sys


def again():
    print("again", sys.is_finalizing(), __name__)
    atexit.register(print, "registered by atexit")


print(atexit._ncallbacks())
for number in range(3):
    atexit.register(print, "callback", number)
atexit.register(again)
atexit.register(lambda: print(sys.stdout.name, len(__file__) > 0))
print("end of main")
raise SystemExit(4)
