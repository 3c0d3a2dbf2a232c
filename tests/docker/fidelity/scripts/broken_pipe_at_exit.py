import os

reading, writing = os.pipe()
os.dup2(writing, 1)
os.close(reading)
os.close(writing)
print("nobody reads this")
