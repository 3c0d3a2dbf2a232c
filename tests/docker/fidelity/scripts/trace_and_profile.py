import sys
import threading


def trace(frame, event, argument):
    print(event, frame.f_code.co_name, frame.f_lineno)
    return trace


def f(value):
    return value + 1


print(sys.gettrace(), sys.getprofile())
sys.settrace(trace)
f(1)
sys.settrace(None)
sys.setprofile(lambda frame, event, _: event == "call" and print("call", frame.f_code.co_name))
f(2)
sys.setprofile(None)
threading.settrace(trace)
thread = threading.Thread(target=f, args=(3,))
