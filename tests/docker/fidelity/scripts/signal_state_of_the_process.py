import subprocess

names = ("SigBlk", "SigIgn", "SigPnd", "ShdPnd", "CapInh", "CapPrm", "CapEff", "CapBnd",
         "CapAmb", "NoNewPrivs", "Seccomp", "Uid", "Gid", "Groups", "Threads", "TracerPid", "Umask",
         "Cpus_allowed_list")


def show(text):
    for line in text.splitlines():
        if line.partition(":")[0] in names:
            print(line)


with open("/proc/self/status") as stream:
    show(stream.read())
show(subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True).stdout)
