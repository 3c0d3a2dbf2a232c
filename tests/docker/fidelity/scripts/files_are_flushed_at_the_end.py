import sys

kept = open("kept", "w")
kept.write("not closed by anybody")


def generator():
    with open("in_generator", "w") as stream:
        stream.write("held open")
        yield


held = generator()
next(held)
sys.stdout.write("no newline")
