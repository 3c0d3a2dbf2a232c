import inspect
import sys
import traceback


def depth():
    frame, count = sys._getframe(), 0
    while frame:
        frame, count = frame.f_back, count + 1
    return count


print(depth(), len(inspect.stack()), len(traceback.extract_stack()))
print([(item.filename, item.lineno, item.function, item.code_context) for item in inspect.stack()])
try:
    sys._getframe(1)
except ValueError as error:
    print(error)
print(inspect.currentframe().f_back, inspect.getouterframes(inspect.currentframe())[0].index)
