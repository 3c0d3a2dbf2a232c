with open("/proc/self/environ", "rb") as stream:
    for pair in stream.read().split(b"\0"):
        print(pair)
