import doctest
import inspect


def f():
    """Give one.

    >>> f()
    2
    """
    return 1


class Thing:
    pass


print(inspect.getsource(f), inspect.getfile(f), inspect.getmodule(f), inspect.getsource(Thing))
print(inspect.getsourcelines(f)[1], f.__code__.co_filename, f.__globals__ is globals())
print(doctest.testmod().failed)
