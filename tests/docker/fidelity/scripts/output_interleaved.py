import os
import sys

print("print 1")
os.write(1, b"write 1\n")
print("print 2", flush=True)
os.write(1, b"write 2\n")
sys.stderr.write("stderr without newline")
os.write(2, b"(write to 2)\n")
print("stderr line", file=sys.stderr)
sys.stdout.buffer.write(b"buffer\n")
os.write(1, b"write 3\n")
print("x" * 9000)
os.write(1, b"write 4\n")
