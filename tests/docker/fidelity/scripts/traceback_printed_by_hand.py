import sys
import traceback


def f():
    traceback.print_stack()
    traceback.print_stack(file=sys.stdout)
    print(traceback.format_stack())
    raise OSError(9, "bad")


try:
    f()
except OSError:
    traceback.print_exc()
    print(traceback.format_exc())
    print(len(traceback.extract_stack()), traceback.extract_tb(sys.exc_info()[2]))
