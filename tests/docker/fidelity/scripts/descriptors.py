import os
import subprocess

listing = os.open("/proc/self/fd", os.O_RDONLY)
print(listing, sorted(os.listdir(listing), key=int))
os.close(listing)
print(os.open("/dev/null", os.O_RDONLY), os.dup(0), os.pipe())
print(subprocess.run(["ls", "/proc/self/fd"], capture_output=True, close_fds=False).stdout)
for descriptor in range(3):
    kind = os.readlink(f"/proc/self/fd/{descriptor}").partition("[")[0]
    print(kind, os.get_blocking(descriptor), os.get_inheritable(descriptor))
    print(oct(os.fstat(descriptor).st_mode), open(f"/proc/self/fdinfo/{descriptor}").read(20))
