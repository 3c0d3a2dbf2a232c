if 1 is 1:
    print("\d")
assert (1, "always true")
