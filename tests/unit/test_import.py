"""Importing the package does nothing, and is quick because it loads little."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit

ROOT = Path(toolkit.__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "toolkit").rglob("*.py")
    # __main__ runs; probe, boot and worker sources are programs for a container; an adapter needs
    # its framework, and is imported where that is: tests/peers.
    if path.stem not in {"__main__", "probe"} and "_data" not in path.parts
    if "integrations" not in path.parts
)

# Run in a fresh interpreter: says which sockets, threads, processes and environment look-ups a
# module's import comes to. Third-party packages are loaded first: what they do is theirs.
WATCH = """
import sys, json, os, threading
import click, docker, h2.connection, jinja2.sandbox, packaging.requirements, rich.console
import subprocess, concurrent.futures, ssl, http.client, urllib.request, selectors, fcntl
seen = []
def hook(event, args):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.system",
                 "os.mkdir", "os.remove", "socket.__new__", "os.posix_spawn"):
        seen.append(event)
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        if not str(args[0]).endswith(".pyc") and "__pycache__" not in str(args[0]):
            seen.append("open for writing: %s" % args[0])
sys.addaudithook(hook)
class Watched(dict):
    pass
getitem = os.environ.__class__.__getitem__
def watched(self, key):
    if sys._getframe(1).f_globals.get("__name__", "").startswith("toolkit"):
        seen.append("environment: %s" % key)
    return getitem(self, key)
os.environ.__class__.__getitem__ = watched
before = threading.active_count()
found = {}
for module in sys.argv[1:]:
    __import__(module)
    if threading.active_count() != before:
        seen.append("a thread")
    if seen:
        found[module], seen[:] = list(seen), []
print(json.dumps(found))
"""


def test_importing_does_nothing() -> None:
    """No socket, thread, process, file or environment look-up, in any module."""
    command = [sys.executable, "-B", "-W", "error", "-c", WATCH, *MODULES]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == {}


def test_a_planted_act_is_seen(tmp_path: Path) -> None:
    """The check above can fail."""
    package = tmp_path / "toolkit_planted.py"
    package.write_text("import os, socket\nos.environ['HOME']\nsocket.socket().close()\n")
    command = [sys.executable, "-B", "-c", WATCH, "toolkit_planted"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert json.loads(result.stdout) == {"toolkit_planted": ["environment: HOME", "socket.__new__"]}


@pytest.mark.parametrize(
    "arguments", [["toolkit"], ["toolkit.cli"], ["toolkit.engine"], ["toolkit.errors"]]
)
def test_importing_loads_nothing_heavy(arguments: list[str]) -> None:
    """docker, h2, jinja2 and rich are loaded when they are used."""
    script = (
        "import sys, importlib; importlib.import_module(sys.argv[1]);"
        "print(sorted({'docker', 'h2', 'jinja2', 'rich', 'requests'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", script, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip() == "[]"


def test_help_loads_no_command() -> None:
    """`toolkit --help` is click and a table of names."""
    script = (
        "import sys\nfrom toolkit.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith('toolkit.')], file=sys.stderr)"
    )
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stderr.strip() == "['toolkit.errors', 'toolkit.cli']" or (
        result.stderr.strip() == "['toolkit.cli', 'toolkit.errors']"
    )
    assert "build-image" in result.stdout
