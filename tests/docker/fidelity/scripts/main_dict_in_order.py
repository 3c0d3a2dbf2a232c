for name, value in list(globals().items()):
    print(name, type(value).__name__, repr(value).partition(" at 0x")[0])
print(list(globals()))
