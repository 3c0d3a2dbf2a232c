import sys


class Shown:
    def __str__(self):
        return "shown as a str"


class Broken:
    def __str__(self):
        raise ValueError("cannot be shown")


class MyExit(SystemExit):
    pass


if sys.argv[1] == "raise":
    raise MyExit(5)
sys.exit(eval(sys.argv[1]))
