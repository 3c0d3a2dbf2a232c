import sys


def hook(kind, value, trace):
    print("hook", kind, value, trace.tb_lineno, trace.tb_next, trace.tb_frame.f_back)
    raise RuntimeError("in the hook")


sys.excepthook = hook
raise ValueError("first")
