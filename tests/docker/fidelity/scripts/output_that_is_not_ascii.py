import sys

print("é 漢字 🐍 \u2028 \x00 \x1b[0m \r\n")
print("é 🐍", file=sys.stderr)
print("lone \udc80 surrogate", file=sys.stderr)
print("newline kept:", repr("a\r\nb"), "a\rb")
print("lone \udc80 surrogate")
