"""Name the distributions of this Python that conda's packages have brought: `name==version`.

Any Python from 3.8 runs this; standard library only.
"""

from importlib import metadata

for found in metadata.distributions():
    print("%s==%s" % (found.metadata["Name"], found.version))
