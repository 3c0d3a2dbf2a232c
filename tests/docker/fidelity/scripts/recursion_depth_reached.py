import sys


def dive():
    depth = 0

    def again():
        nonlocal depth
        depth += 1
        again()

    try:
        again()
    except RecursionError as error:
        print(depth, error)


print(sys.getrecursionlimit())
dive()
sys.setrecursionlimit(5000)
dive()
