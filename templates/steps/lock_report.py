"""Turn pip's installation report into the record that uv would have written (PEP 751).

Also takes out what only ensurepip put there: setuptools, on Pythons before 3.12, where nothing
asked for it. Any Python from 3.8 runs this; standard library only.
"""

import json
import re
import subprocess
import sys


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def entry(item):
    name, version = canonical(item["metadata"]["name"]), item["metadata"]["version"]
    info = item["download_info"]
    lines = ["", "[[packages]]", "name = %s" % json.dumps(name)]
    url = json.dumps(info["url"])
    if "vcs_info" in info:
        vcs = info["vcs_info"]
        commit = json.dumps(vcs["commit_id"])
        lines.append(
            "vcs = { type = %s, url = %s, commit-id = %s }" % (json.dumps(vcs["vcs"]), url, commit)
        )
    elif "dir_info" in info:
        lines.append(
            "directory = { path = %s }" % json.dumps(info["url"].replace("file://", "", 1))
        )
    else:
        lines.append("version = %s" % json.dumps(version))
        hashes = info.get("archive_info", {}).get("hashes", {})
        pairs = ", ".join(
            "%s = %s" % (key, json.dumps(value)) for key, value in sorted(hashes.items())
        )
        lines.append("wheels = [{ url = %s, hashes = { %s } }]" % (url, pairs))
    return name, lines


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        report = json.load(file)
    entries = dict(sorted(entry(item) for item in report["install"]))
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write('lock-version = "1.0"\ncreated-by = "pip"\n')
        file.writelines("%s\n" % line for lines in entries.values() for line in lines)
    if "setuptools" not in entries:
        pip = [sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools"]
        subprocess.run(pip, check=False, stderr=subprocess.DEVNULL)


main()
