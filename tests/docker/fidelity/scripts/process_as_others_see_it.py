import os

print(open("/proc/self/comm").read())
print(os.readlink("/proc/self/exe"))
