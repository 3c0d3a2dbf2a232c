import threading
import time

turns = [threading.Event() for _ in range(5)]


def work(number):
    turns[number].wait()
    print("thread", number, threading.current_thread().name, flush=True)
    turns[number + 1].set()


for number in range(4):
    threading.Thread(target=work, args=(number,)).start()
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print("end of main", flush=True)
threading.Timer(0.05, turns[0].set).start()
