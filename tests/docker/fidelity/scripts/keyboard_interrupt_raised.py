import atexit

atexit.register(print, "atexit runs")
raise KeyboardInterrupt("by hand")
