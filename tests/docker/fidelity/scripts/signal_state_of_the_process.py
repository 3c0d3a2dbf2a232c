import subprocess

names = ("SigBlk", "SigIgn", "SigPnd", "ShdPnd", "CapInh", "CapPrm", "CapEff", "CapBnd",
         "CapAmb", "NoNewPrivs", "Seccomp", "Uid", "Gid", "Groups", "Threads", "TracerPid", "Umask",
         "Cpus_allowed_list")


def show(text):
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "SigIgn":  # but glibc's own two, which posix_spawn(3) has a program ignore
            value = hex(int(value, 16) & ~(0b11 << 31))
        if name in names:
            print(name, value)


with open("/proc/self/status") as stream:
    show(stream.read())
show(subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True).stdout)
