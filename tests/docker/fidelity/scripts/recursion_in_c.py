import json

value = []
for _ in range(100_000):
    value = [value]
for act in (json.dumps, repr):
    try:
        act(value)
    except RecursionError as error:
        print(act.__name__, error)
while value:
    value = value.pop()
try:
    eval("(" * 150 + ")" * 150)
except (MemoryError, SyntaxError, RecursionError) as error:
    print(type(error), error)
