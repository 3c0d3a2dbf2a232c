import sys

print(sys.stdin.errors, sys.stdin.encoding)
print(ascii(sys.stdin.readline()))
