import os
import threading

main = threading.main_thread()
print(main.name, main is threading.current_thread(), main.daemon, type(main).__name__)
print(threading.enumerate() == [main], threading.active_count(), main.ident == threading.get_ident())
print(threading.get_native_id() == os.getpid() == main.native_id)
print(os.listdir("/proc/self/task") == [str(os.getpid())], threading.stack_size())
thread = threading.Thread(target=lambda: print(threading.current_thread().name))
thread.start()
thread.join()
print(thread.name, threading.Thread().name, threading.excepthook.__name__)
