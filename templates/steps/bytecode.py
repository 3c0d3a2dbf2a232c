"""Finish an environment: bytecode for its modules, the same modes and the same time for every file.

`bytecode.py VENV [STORE]`. What has been compiled before is taken from the store, a folder that
builds share. Nothing of the environment is run or imported, so a package cannot reach the store. An
entry is named after all that determines it (this Python, this program, the sources and where they
lie), and holds a hash of its name and content: one that is absent, half written, damaged or another
one's is made again, so that the result is the same, byte for byte, whatever the store held. Two
builds at once write the same entries, each under a name of its own before it is moved into place.

What is compiled together is a part of one distribution, in a process of its own that has done
nothing before: what `marshal` writes depends on which objects the process happens to share.

Any Python from 3.8 runs this (with -S, for else the environment's `.pth` files could run); standard
library only.
"""

import csv
import hashlib
import importlib.machinery
import importlib.util
import marshal
import os
import struct
import sys
import tempfile
import warnings

TIME = 946684800  # of every file: bytecode names the time of its source
TOGETHER = 48  # sources a process; whoever changes one of them compiles them all
LEFT_OUT = {"test", "tests"}  # nobody imports them


def digest(*parts):
    """sha256 over length-prefixed parts."""
    found = hashlib.sha256()
    for part in parts:
        found.update(b"%d:" % len(part))
        found.update(part)
    return found.digest()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def sources(venv):
    """Every module below `lib`, by its path."""
    found = []
    for folder, folders, files in os.walk(os.path.join(venv, "lib")):
        folders[:] = [each for each in folders if each not in LEFT_OUT and each != "__pycache__"]
        found += [os.path.join(folder, each) for each in files if each.endswith(".py")]
    return found


def owners(venv):
    """Which distribution's record names a file, by the file's path."""
    found = {}
    for folder, folders, files in os.walk(os.path.join(venv, "lib")):
        if "site-packages" in folder:
            folders[:] = [each for each in folders if each.endswith(".dist-info")]
        if folder.endswith(".dist-info") and "RECORD" in files:
            with open(os.path.join(folder, "RECORD"), encoding="utf-8", newline="") as record:
                for row in csv.reader(record):
                    path = os.path.normpath(os.path.join(os.path.dirname(folder), row[0]))
                    found[path] = folder
    return found


def groups(venv):
    """The sources in lists that stay the same when something else is installed beside them."""
    owner, by_owner = owners(venv), {}
    for path in sorted(sources(venv)):
        by_owner.setdefault(owner.get(path, ""), []).append(path)
    for paths in by_owner.values():
        for start in range(0, len(paths), TOGETHER):
            yield paths[start : start + TOGETHER]


def header(path):
    """PEP 552: checked by the source's time and size."""
    return importlib.util.MAGIC_NUMBER + struct.pack("<III", 0, TIME, os.stat(path).st_size)


def is_done(path):
    try:
        with open(importlib.util.cache_from_source(path), "rb") as file:
            return file.read(16) == header(path)
    except OSError:
        return False


def code_of(path, source):
    """The marshalled code; None for what is no Python of this version."""
    try:
        loader = importlib.machinery.SourceFileLoader("<py_compile>", path)
        return marshal.dumps(loader.source_to_code(source, path))
    except Exception:  # its package's business: the verifier imports
        return None


def seal(entry, body):
    """Binds what an entry holds to its name."""
    return digest(os.path.basename(entry).encode(), body)


def stored(entry):
    """What an entry holds, or None."""
    try:
        content = read(entry)
    except OSError:
        return None
    body = content[32:]
    if seal(entry, body) != content[:32]:
        return None
    return marshal.loads(body)  # noqa: S302 - a list of bytes that was written here


def store(entry, codes):
    body = marshal.dumps(codes)
    os.makedirs(os.path.dirname(entry), exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(entry), delete=False) as file:
        file.write(seal(entry, body) + body)
    os.replace(file.name, entry)


def write(path, code):
    target = importlib.util.cache_from_source(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(header(path) + code)


def compile_group(paths, folder):
    contents = [read(path) for path in paths]
    codes = entry = None
    if folder:
        named = [os.fsencode(path) for path in paths]
        made = digest(sys.version.encode(), read(os.path.abspath(__file__)))
        name = digest(made, *named, *contents).hex()
        entry = os.path.join(folder, name[:2], name)
        codes = stored(entry)
    if codes is None:
        codes = [code_of(*pair) for pair in zip(paths, contents)]
        if entry:
            store(entry, codes)
    for path, code in zip(paths, codes):
        if code is not None:
            write(path, code)


def in_children(jobs):
    """Do each job in a process of its own, as many at once as there are processors."""
    running, failed = 0, False
    limit = len(os.sched_getaffinity(0))
    for job in jobs:
        if running == limit:
            failed |= os.wait()[1] != 0
            running -= 1
        if os.fork() == 0:
            try:
                compile_group(*job)
                os._exit(0)
            except BaseException as error:
                os.write(2, ("toolkit: bytecode: %s\n" % error).encode())
                os._exit(1)
        running += 1
    for _ in range(running):
        failed |= os.wait()[1] != 0
    if failed:
        sys.exit("toolkit: the bytecode could not be written")


def settle(path, *, is_folder):
    """For any uid, at one time. A file that is so already is not touched: a lower layer has it."""
    found = os.lstat(path)
    if not os.path.islink(path):
        wanted = 0o777 if is_folder or found.st_mode & 0o111 else 0o666
        if found.st_mode & 0o777 != wanted:
            os.chmod(path, found.st_mode & 0o7000 | wanted)
    if found.st_mtime_ns != TIME * 10**9:
        os.utime(path, (TIME, TIME), follow_symlinks=False)


def main(venv, folder=None):
    os.umask(0)
    warnings.simplefilter("ignore")
    undone = (paths for paths in groups(venv) if not all(map(is_done, paths)))
    in_children((paths, folder) for paths in undone)
    for parent, folders, files in os.walk(venv, topdown=False):
        for each in files + folders:
            path = os.path.join(parent, each)
            settle(path, is_folder=os.path.isdir(path))
    settle(venv, is_folder=True)


main(*sys.argv[1:])
