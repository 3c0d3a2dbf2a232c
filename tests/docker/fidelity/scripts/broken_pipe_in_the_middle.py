import os

reading, writing = os.pipe()
os.dup2(writing, 1)
os.close(reading)
print("nobody reads this", flush=True)
