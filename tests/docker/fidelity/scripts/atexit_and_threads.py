import atexit
import threading
import time

main_has_ended = threading.Event()


def work():
    main_has_ended.wait()
    time.sleep(0.05)
    print("thread ends", threading.main_thread().is_alive())


atexit.register(lambda: print("atexit sees", threading.active_count()))
threading._register_atexit(print, "before the join")
threading.Thread(target=work).start()
print("end of main")
main_has_ended.set()
