import sys

plain = (bool, int, str, bytes, float, type(None), tuple, list)
for name in sorted(vars(sys)):
    value = getattr(sys, name)
    if name in ("maxsize", "hash_info", "thread_info") or isinstance(value, plain):
        print(name, repr(value))
    else:
        print(name, type(value))
