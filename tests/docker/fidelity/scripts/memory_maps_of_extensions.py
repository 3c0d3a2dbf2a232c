mapped = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
print("\n".join(sorted(mapped)))
