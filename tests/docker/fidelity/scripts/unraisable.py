import sys


def generator():
    try:
        yield
    finally:
        raise ValueError("while closing")


held = generator()
next(held)
del held
sys.unraisablehook = lambda unraisable: print("hook", unraisable.exc_value, unraisable.err_msg)
held = generator()
next(held)
del held
