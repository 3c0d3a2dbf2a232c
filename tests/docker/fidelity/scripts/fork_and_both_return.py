import atexit
import os
import sys

atexit.register(lambda: print("atexit in", who))
print("buffered before the fork")
who = "parent"
child = os.fork()
if child == 0:
    who = "child"
    print("in the child", os.getpgrp() == os.getppid())
else:
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print("at the end of", who)
sys.exit(3 if child == 0 else 4)
