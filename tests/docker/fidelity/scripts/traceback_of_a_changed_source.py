with open(__file__, "w") as stream:
    stream.write("another line\n" * 9)


def f():
    raise ValueError("my source is another")


f()
