import weakref


class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name, __name__)


first = Noisy("global")
second = Noisy("in a cycle")
second.itself = second
weakref.finalize(first, print, "finalised")
third = [Noisy("in a list")]


def generator():
    try:
        yield
    finally:
        print("generator closed")


held = generator()
next(held)
