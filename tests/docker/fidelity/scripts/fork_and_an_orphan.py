import os
import time

ends, held = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(0.1)
        print("the orphan has another parent", flush=True)
        os._exit(0)
    os._exit(0)
os.wait()
try:
    os.wait()
except ChildProcessError as error:
    print(error)
os.close(held)
os.read(ends, 1)  # until the orphan has ended, too
