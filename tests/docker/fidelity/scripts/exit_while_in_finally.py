import sys

try:
    try:
        sys.exit(3)
    finally:
        print("finally")
        raise ValueError("instead of the exit")
except ValueError:
    sys.exit("from except")
