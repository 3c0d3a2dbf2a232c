import os

print(os.getpid() == os.getpgrp() == os.getsid(0))
print(os.getppid() > 0, os.getppid() != os.getpid(), os.getsid(os.getppid()) != os.getsid(0))
for act in (os.setsid, lambda: os.open("/dev/tty", os.O_RDWR), lambda: os.tcgetpgrp(0)):
    try:
        act()
    except OSError as error:
        print(type(error).__name__, error)
fields = open("/proc/self/stat").read().rpartition(")")[2].split()
print(fields[0], fields[4], fields[5])
print(os.get_terminal_size.__name__, os.isatty(0), os.ctermid())
