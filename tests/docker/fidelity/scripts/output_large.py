import sys

for number in range(20_000):
    sys.stdout.write(f"{number} " * 5 + "\n")
sys.stderr.write("e" * 200_000)
sys.stdout.write("last")
