"""Print the path of a wheel of pip: the one that this Python's ensurepip carries.

Where there is none, `pip`, which is what to ask the index for. Any Python from 3.8 runs this.
"""

import glob
import os

places = ["/usr/share/python-wheels"]
try:
    import ensurepip
except ImportError:
    pass
else:
    places.insert(0, os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"))
wheels = [wheel for place in places for wheel in glob.glob(os.path.join(place, "pip-*.whl"))]
print(wheels[0] if wheels else "pip")
