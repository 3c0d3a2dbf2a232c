import sys

sys.stderr.close()
print("to stdout")
raise ValueError("nobody sees it")
