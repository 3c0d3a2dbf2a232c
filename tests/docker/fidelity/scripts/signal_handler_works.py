import os
import signal
import sys
import time


def handle(number, frame):
    print("handled", number, frame.f_code.co_name, frame.f_code.co_filename)


for name in ("SIGTERM", "SIGUSR1", "SIGCHLD", "SIGALRM", "SIGPIPE", "SIGINT", "SIGHUP"):
    signal.signal(getattr(signal, name), handle)
    os.kill(os.getpid(), getattr(signal, name))
signal.setitimer(signal.ITIMER_REAL, 0.01)
time.sleep(0.05)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(5)
