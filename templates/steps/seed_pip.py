"""Unpack pip into an environment: the wheel that this Python's ensurepip carries.

A wheel of pure Python is a zip file and its scripts; pip itself, run out of that wheel, would take
seconds for it. Where there is no wheel nothing is done. Any Python from 3.8 runs this; standard
library only.
"""

import configparser
import glob
import os
import sys
import zipfile

SCRIPT = """\
#!{python}
import sys
from {module} import {function}
if __name__ == "__main__":
    sys.exit({function}())
"""


def wheels():
    places = ["/usr/share/python-wheels"]
    try:
        import ensurepip
    except ImportError:
        pass
    else:
        places.insert(0, os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"))
    return [wheel for place in places for wheel in glob.glob(os.path.join(place, "pip-*.whl"))]


def main(venv):
    python = os.path.join(venv, "bin", "python")
    packages = os.path.join(venv, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
    scripts = configparser.ConfigParser()
    with zipfile.ZipFile(wheels()[0]) as wheel:
        wheel.extractall(packages)
        (listed,) = [each for each in wheel.namelist() if each.endswith("/entry_points.txt")]
        scripts.read_string(wheel.read(listed).decode("utf-8"))
    record = os.path.join(packages, os.path.dirname(listed), "RECORD")
    with open(record, "a", encoding="utf-8") as rows:
        for name, place in scripts["console_scripts"].items():
            path = os.path.join(venv, "bin", name)
            module, function = place.split(":")
            with open(path, "w", encoding="utf-8") as file:
                file.write(SCRIPT.format(python=python, module=module, function=function))
            os.chmod(path, 0o755)
            rows.write("../../../bin/%s,,\n" % name)


if wheels():
    main(sys.argv[1])
