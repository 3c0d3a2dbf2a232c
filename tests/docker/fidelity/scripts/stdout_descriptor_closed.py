import os
import sys

print("lost")
os.close(1)
if len(sys.argv) > 1:
    os.close(2)
