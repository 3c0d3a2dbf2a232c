import os

os.write(1, b"before\n")
os.abort()
