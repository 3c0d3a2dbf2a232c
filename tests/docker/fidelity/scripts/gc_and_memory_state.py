import gc
import tracemalloc

print(gc.isenabled(), gc.get_threshold(), gc.callbacks, gc.get_debug(), gc.garbage)
print(tracemalloc.is_tracing(), tracemalloc.get_traceback_limit())
tracemalloc.start()
held = [bytes(1000) for _ in range(100)]
frame = tracemalloc.take_snapshot().statistics("traceback")[0].traceback
print(len(frame), frame[0])
