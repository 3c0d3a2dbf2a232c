import os
import subprocess

for name, value in os.environ.items():
    print(name, ascii(value))
print(list(os.environ) == [os.fsdecode(name) for name in os.environb])
print(subprocess.run(["env"], capture_output=True).stdout)
os.environ["MADE_HERE"] = "1"
os.environ.pop("HOME")
os.system('echo "$MADE_HERE ${HOME-none}"')
