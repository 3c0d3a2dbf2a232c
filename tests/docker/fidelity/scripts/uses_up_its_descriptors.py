import os

opened = []
while True:
    opened.append(os.open(os.devnull, os.O_RDONLY))
