import os

for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr"):
    with open(name, "w") as stream:
        stream.write(f"to {name}\n")
with open("/dev/stdin") as stream:
    print(repr(stream.read()))
print(os.access("/proc/self/mem", os.R_OK), os.access("/proc/self/environ", os.R_OK))
print(len(open("/proc/self/maps").read()) > 0)
os.system("echo by a child > /dev/stdout")
