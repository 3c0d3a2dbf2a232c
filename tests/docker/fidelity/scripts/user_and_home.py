import getpass
import os
import pathlib

for name in ("HOME", "USER", "LOGNAME", "PATH", "PWD", "SHLVL", "_", "OLDPWD"):
    print(name, os.environ.get(name))
print(os.getuid(), os.geteuid(), os.getgid(), os.getgroups(), os.getresuid(), os.getresgid())
for act in (getpass.getuser, os.getlogin, pathlib.Path.home, lambda: os.path.expanduser("~")):
    try:
        print(act())
    except (OSError, KeyError, RuntimeError) as error:
        print(type(error), error)
