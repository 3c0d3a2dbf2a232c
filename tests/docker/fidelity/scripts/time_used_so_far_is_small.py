import os
import resource
import time

usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.process_time() < 0.5, time.thread_time() < 0.5, sum(os.times()[:2]) < 0.5)
print(usage.ru_utime, usage.ru_stime, os.times()[2:4])
print(time.perf_counter() > 0, 0 <= time.time() - os.stat(__file__).st_atime < 1e6)
