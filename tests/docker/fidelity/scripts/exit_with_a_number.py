import sys

print("before")
sys.exit(int(sys.argv[1]))
