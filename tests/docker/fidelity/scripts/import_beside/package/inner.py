import __main__

VALUE = 7


def back():
    return __main__.__file__, __main__.beside.WHO
