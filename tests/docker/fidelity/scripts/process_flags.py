fields = open("/proc/self/stat").read().rpartition(")")[2].split()
print("forked and never exec'd:", bool(int(fields[6]) & 0x40))
