import subprocess
import sys

print("one")
sys.stdout.flush()
subprocess.run(["sh", "-c", "cat; echo two; echo two to stderr >&2"])
print("three")
print(sys.stdin.read() == "")
