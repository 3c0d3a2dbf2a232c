import os

print(os.getcwd(), os.path.abspath("x"), __file__)
print(os.readlink("/proc/self/cwd"))
with open("made", "w") as stream:
    stream.write("here")
