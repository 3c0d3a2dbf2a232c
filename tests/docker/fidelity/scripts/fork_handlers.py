import os
import threading

os.register_at_fork(before=lambda: print("before", flush=True), after_in_child=lambda: print("child"),
                    after_in_parent=lambda: print("parent"))
child = os.fork()
if child == 0:
    print(threading.current_thread().name, threading.get_native_id() == os.getpid())
else:
    os.wait()
