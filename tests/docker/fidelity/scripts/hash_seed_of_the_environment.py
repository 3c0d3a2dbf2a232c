import sys

print(sys.flags.hash_randomization, hash("text"), hash(b"bytes"), list({"a", "b", "c", "d"}))
