"""What an image says of itself: sent in over stdin, answers one JSON object on stdout.

Runs in the image's own Python, from 3.8 on, with the standard library alone. Each top-level module
is imported in a process of its own, so that one that hangs, crashes or replaces modules harms no
other; processes are forked from this small one, which has imported nothing else.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import sys
import time
from importlib import metadata

SECONDS = float(sys.argv[1])  # for one import
FOLDERS = sys.argv[2:]  # that must be writable besides
WORKED = "imported"
MANAGERS = {"apt": "apt-get", "apk": "apk", "rpm": "dnf"}
# Not what anybody imports: tests, documentation, and a setup.py that was installed by mistake.
LEFT_OUT = {
    "test", "tests", "testing", "conftest", "doc", "docs", "example", "examples",
    "benchmarks", "setup",
}  # fmt: skip


def top_level(distribution):
    """Importable names of a distribution, from its record, or from top_level.txt without one."""
    names = set()
    for path in distribution.files or ():
        parts = path.parts
        if parts[0].endswith((".dist-info", ".data", ".egg-info")) or parts[0] in ("..", "bin"):
            continue
        if len(parts) > 1:
            # A folder is a package; without Python in it, it is data.
            if parts[-1].endswith((".py", ".so")):
                names.add(parts[0])
        elif parts[0].endswith((".py", ".so")):
            names.add(parts[0].split(".")[0])
    if not distribution.files:
        names.update((distribution.read_text("top_level.txt") or "").split())
    return sorted(
        name
        for name in names
        if name.isidentifier() and name.lower() not in LEFT_OUT and not name.startswith("__")
    )


def import_in_child(name):
    """Start importing `name`; gives the process and the pipe on which it says what went wrong."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        os.close(reading)
        quiet = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(quiet, descriptor)
        os.setsid()
        said = WORKED
        try:
            __import__(name)
        except BaseException as error:
            said = "%s: %s" % (type(error).__name__, error)
        os.write(writing, said.encode("utf-8", "replace")[:4000])
    finally:
        # Not sys.exit: nothing that a module left behind may run or wait.
        os._exit(0)


def imported(names):
    """What each import said: "" for one that worked."""
    results, waiting, running = {}, list(names), {}
    while waiting or running:
        while waiting and len(running) < max(2, os.cpu_count() or 2):
            name = waiting.pop(0)
            pid, pipe = import_in_child(name)
            running[pipe] = (name, pid, time.monotonic() + SECONDS)
        ready = select.select(list(running), [], [], 0.5)[0]
        for pipe in list(running):
            name, pid, deadline = running[pipe]
            if pipe in ready:
                said = os.read(pipe, 65536).decode("utf-8", "replace")
            elif time.monotonic() > deadline:
                said = "TimeoutError: not imported within %g seconds" % SECONDS
            else:
                continue
            del running[pipe]
            os.close(pipe)
            status = ended(pid)
            results[name] = "" if said == WORKED else said or status
    return results


def ended(pid):
    """End an import and what it has started; say how it had ended, if it had by itself."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(OSError):  # it had no group yet
            kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return "killed by signal %d" % os.WTERMSIG(status)
    return "it ended the interpreter with exit code %d" % os.WEXITSTATUS(status)


def writable(folder):
    path = os.path.join(folder, ".toolkit-%d" % os.getpid())
    try:
        with open(path, "w"):
            pass
        os.unlink(path)
    except OSError as error:
        return str(error)
    return ""


def conda_brought(prefix):
    """The folders of metadata that are in the records of conda's packages."""
    records = os.path.join(prefix, "conda-meta")
    found = set()
    for name in os.listdir(records) if os.path.isdir(records) else ():
        if name.endswith(".json"):
            with open(os.path.join(records, name), encoding="utf-8") as file:
                files = json.load(file).get("files") or ()
            found.update(os.path.join(prefix, os.path.dirname(each)) for each in files)
    return {each for each in found if each.endswith((".dist-info", ".egg-info"))}


def main():
    prefix = sys.prefix
    distributions = [
        found for found in metadata.distributions() if str(found.locate_file("")).startswith(prefix)
    ]
    brought = conda_brought(prefix)
    modules = {}
    for distribution in distributions:
        for name in top_level(distribution):
            modules.setdefault(name, distribution.metadata["Name"])
    lock = os.path.join(prefix, "pylock.toml")
    text = ""
    if os.path.exists(lock):
        with open(lock, encoding="utf-8") as file:
            text = file.read()
    answer = {
        "python": "%d.%d.%d" % sys.version_info[:3],
        "prefix": prefix,
        "lock": text,
        "installed": [[found.metadata["Name"], found.version] for found in distributions],
        "brought": [
            found.metadata["Name"]
            for found in distributions
            if str(getattr(found, "_path", "")) in brought
        ],
        "manager": next((name for name in MANAGERS if shutil.which(MANAGERS[name])), ""),
        "modules": modules,
        "imports": imported(sorted(modules)),
        "folders": {
            folder: writable(folder)
            for folder in ("/workspace", "/home/executor", prefix, *FOLDERS)
        },
    }
    json.dump(answer, sys.stdout)


main()
