import copy
import pickle
import pickletools


class Thing:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value


def function():
    return "called"


data = pickle.dumps([Thing(3), Thing, function])
thing, kind, called = pickle.loads(data)
print(thing == Thing(3), kind is Thing, called is function, called(), data)
print(Thing.__module__, Thing.__qualname__, copy.deepcopy(thing) == thing)
with open("data.pickle", "wb") as stream:
    stream.write(pickletools.optimize(data))
pickle.dumps(lambda: None)
