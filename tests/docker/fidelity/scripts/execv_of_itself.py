import os
import sys

print("round", sys.argv[1:], sys.orig_argv, flush=True)
if len(sys.argv) < 4:
    os.execv(sys.executable, [*sys.orig_argv, "again"])
print("the end", os.getpid() == os.getpgrp())
