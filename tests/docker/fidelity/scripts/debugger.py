def f(value):
    breakpoint()
    return value


print(f(3))
