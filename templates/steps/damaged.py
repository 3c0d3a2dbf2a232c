"""Name the distributions that are not as their records say: what a shared cache may have harmed.

`damaged.py VENV`: the names, a line each; `*` for a file that no record knows. Wheels are unpacked
into a cache that outlives a killed build and a full disk, and their hashes were checked before
that. Any Python from 3.8 runs this, with -S; standard library only.
"""

import base64
import csv
import hashlib
import os
import sys


def is_as_recorded(path, recorded):
    """Whether a file has the hash that a record gives it; one without a hash needs to exist."""
    algorithm, _, expected = recorded.partition("=")
    try:
        with open(path, "rb") as file:
            content = file.read()
        found = hashlib.new(algorithm or "sha256", content).digest()
    except (OSError, ValueError):
        return False
    return not algorithm or base64.urlsafe_b64encode(found).decode().rstrip("=") == expected


def records(packages):
    """The name of each distribution, with its rows."""
    for each in os.listdir(packages):
        if each.endswith(".dist-info"):
            try:
                path = os.path.join(packages, each, "RECORD")
                with open(path, encoding="utf-8", newline="") as file:
                    yield each.split("-")[0], [row for row in csv.reader(file) if row]
            except (OSError, UnicodeDecodeError, csv.Error):
                yield each.split("-")[0], [[each, "none=", ""]]


def present(packages):
    for folder, folders, files in os.walk(packages):
        folders[:] = [each for each in folders if each != "__pycache__"]
        for each in files:
            yield os.path.join(folder, each)


def main(venv):
    packages = os.path.join(venv, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
    known, harmed = set(), set()
    for name, rows in records(packages):
        for row in rows:
            path = os.path.normpath(os.path.join(packages, row[0]))
            known.add(path)
            if path.startswith(packages + os.sep) and not is_as_recorded(path, row[1]):
                harmed.add(name)
    if not known.issuperset(present(packages)):
        harmed.add("*")
    for name in sorted(harmed):
        print(name)


main(sys.argv[1])
