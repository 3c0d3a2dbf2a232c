import sys


def hook(kind, value, trace):
    print("mine:", kind.__name__, value)
    while trace:
        print(trace.tb_frame.f_code.co_name, trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next


def f():
    raise ValueError("seen by the hook")


sys.excepthook = hook
f()
