import os
import pty

child, terminal = pty.fork()
if child == 0:
    print(os.isatty(0), os.ttyname(0) > "", os.tcgetpgrp(0) == os.getpid(), flush=True)
    os._exit(3)
print(os.read(terminal, 100))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
