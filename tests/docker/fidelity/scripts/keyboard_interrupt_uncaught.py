import signal

try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("caught once")


def f():
    signal.raise_signal(signal.SIGINT)


f()
