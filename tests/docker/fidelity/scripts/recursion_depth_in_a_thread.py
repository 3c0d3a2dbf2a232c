import sys
import threading


def again(depth):
    try:
        return again(depth + 1)
    except RecursionError:
        return depth


print(sys.getrecursionlimit())
for _ in range(2):
    thread = threading.Thread(target=lambda: print(again(0)))
    thread.start()
    thread.join()
    sys.setrecursionlimit(3000)
