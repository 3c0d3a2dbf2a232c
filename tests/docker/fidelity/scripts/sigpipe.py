import os
import signal
import subprocess

print(signal.getsignal(signal.SIGPIPE))
reading, writing = os.pipe()
os.close(reading)
try:
    os.write(writing, b"x")
except BrokenPipeError as error:
    print(error)
script = "trap '' TERM; yes | head -n 1; echo $?"
print(subprocess.run(["sh", "-c", script], capture_output=True))
print(subprocess.run(["sh", "-c", "kill -PIPE $$"]).returncode)
