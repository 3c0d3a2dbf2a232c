"""Print a record of uv's (PEP 751) as a list of requirements with hashes, for uv itself.

`lock_list.py PYLOCK REQUIREMENTS`: the options of the requirements that say where packages come
from, then `name==version` with the hashes of each package. Exit code 1, and nothing printed, where
a package came from elsewhere than an index: a list would have to say more about it.

The file is read as uv writes it, for no Python before 3.11 reads TOML. Standard library only.
"""

import re
import sys

OPTIONS = ("--index-url", "--extra-index-url", "--find-links", "--no-index")


def packages(text):
    """Name, version and hashes of each package."""
    for entry in text.split("[[packages]]")[1:]:
        name = re.search(r'^name = "([^"]+)"$', entry, re.MULTILINE)
        version = re.search(r'^version = "([^"]+)"$', entry, re.MULTILINE)
        hashes = re.findall(r'\bsha256 = "([0-9a-f]{64})"', entry)
        elsewhere = re.search(r"^(archive|directory|vcs)\b", entry, re.MULTILINE)
        if elsewhere or not (name and version and hashes):
            sys.exit(1)
        yield name[1], version[1], hashes


def main(lock, requirements):
    with open(requirements, encoding="utf-8") as file:
        lines = [line for line in file if line.startswith(OPTIONS)]
    with open(lock, encoding="utf-8") as file:
        for name, version, hashes in packages(file.read()):
            digests = " ".join("--hash=sha256:" + each for each in hashes)
            lines.append("%s==%s %s\n" % (name, version, digests))
    sys.stdout.writelines(lines)


main(*sys.argv[1:])
