import os
import sys

print(repr(sys.stdin.readline()), sys.stdin.isatty(), sys.stdin.fileno())
print(repr(sys.stdin.read(3)), repr(sys.stdin.buffer.read(4)))
print(repr(sys.stdin.read()), repr(sys.stdin.read()))
print(repr(os.read(0, 10)))
