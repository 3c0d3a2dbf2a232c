import sys

print(repr(exit), repr(quit), type(help), repr(help))
print(repr(copyright)[:40], repr(credits)[:20], repr(license)[:20])
try:
    quit(3)
except SystemExit as error:
    print(error.code)
print("stdin closed by quit:", sys.stdin.closed)
exit("with a message")
