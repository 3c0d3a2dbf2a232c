import os
import sys

shadowed = sorted(name[:-3] for name in os.listdir() if name.endswith(".py"))
for name in shadowed:  # what is built in or frozen cannot be
    try:
        if not hasattr(__import__(name), "MINE"):
            print(name, "is not mine")
    except Exception as error:
        print(name, type(error), error)
print(len(shadowed), sorted(sys.modules) > shadowed)
