import sys

sys.stdout.reconfigure(line_buffering=True)


def trace(frame, event, argument):
    if frame.f_globals.get("__name__") == "__main__":
        print(event, frame.f_code.co_name)
    return trace


def f():
    return 1


sys.settrace(trace)
sys.setprofile(lambda *_: None)
f()
