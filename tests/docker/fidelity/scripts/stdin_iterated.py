import sys

for number, line in enumerate(sys.stdin):
    print(number, ascii(line))
print(sys.stdin.read() == "", sys.stdin.closed)
