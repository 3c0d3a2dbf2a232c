class Broken:
    def __repr__(self):
        return "<Broken>"

    def __del__(self):
        raise ValueError("in __del__")


first = Broken()
del first
print("between")
kept_until_the_end = Broken()
