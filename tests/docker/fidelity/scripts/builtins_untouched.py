import builtins

for name, value in vars(builtins).items():
    shown = repr(value).partition(" at 0x")[0]
    print(name, shown if name != "__doc__" else len(value))
