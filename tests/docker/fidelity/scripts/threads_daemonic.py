import sys
import threading
import time


def forever():
    while True:
        time.sleep(0.001)


for _ in range(3):
    threading.Thread(target=forever, daemon=True).start()
print(threading.active_count(), sys.getswitchinterval())
