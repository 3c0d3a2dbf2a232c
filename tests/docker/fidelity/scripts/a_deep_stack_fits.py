import sys


def sum_to(number):
    return number and number + sum_to(number - 1)


class Deep:
    def __init__(self, depth):
        if depth:
            self.inner = Deep(depth - 1)


sys.setrecursionlimit(30_000)
print(sum_to(20_000))
Deep(400 if sys.version_info[:2] == (3, 12) else 3000)  # which counts C calls, and allows few
