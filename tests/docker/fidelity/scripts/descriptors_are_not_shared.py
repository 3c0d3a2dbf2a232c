import fcntl
import os

for descriptor in range(3):
    print(fcntl.fcntl(descriptor, fcntl.F_GETFL), fcntl.fcntl(descriptor, fcntl.F_GETFD))
os.set_blocking(1, False)
os.set_blocking(0, False)
os.set_inheritable(2, False)
os.system("echo to a child's stderr >&2")
