import random
import sys
import tempfile

print("random" in sys.modules, random.getstate()[0], random.getstate()[2])
random.seed(1)
print(random.random(), random.choices("abc", k=5))
print(tempfile.gettempdir(), tempfile.tempdir, tempfile.gettempprefix())
