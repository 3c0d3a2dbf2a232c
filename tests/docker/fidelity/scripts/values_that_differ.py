import os
import random
import secrets
import sys
import tempfile
import uuid

for value in (os.getpid(), random.random(), random.SystemRandom().random(), secrets.token_hex(),
              uuid.uuid4(), uuid.uuid1(), os.urandom(8), tempfile.mkdtemp(), id(object())):
    print(value)
if "numpy" in sys.argv:
    import numpy

    print(numpy.random.rand(), numpy.random.default_rng().random())
