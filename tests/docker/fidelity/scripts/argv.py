import sys

print(ascii(sys.argv))
print(ascii(sys.orig_argv))
