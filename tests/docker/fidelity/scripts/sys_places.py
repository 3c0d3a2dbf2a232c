import os
import sys
import sysconfig

for name in ("executable", "_base_executable", "prefix", "exec_prefix", "base_prefix",
             "base_exec_prefix", "platlibdir", "byteorder", "platform", "version"):
    print(name, getattr(sys, name))
print(sysconfig.get_paths())
print(os.path.realpath(sys.executable))
