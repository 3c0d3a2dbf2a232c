"""A second Docker engine, to be killed and filled up: it harms nobody and leaves nothing.

It runs in namespaces of its own. Network: two engines in one would take each other's bridge. Pids:
with the first process of the namespace everything ends, down to the last shim. Mounts: its disk is
a file of a fixed size, and gone with the last process. That first process is this module, run as a
program by root; it lives as long as its standard input, and so no longer than the tests.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from tests.docker.package_index import serving

_GATEWAY: Final = "172.31.253.1"
_PORT: Final = 8080
INDEX: Final = f"http://{_GATEWAY}:{_PORT}/simple/"
"""Where its builds find the packages that it was given; there is no other network."""

_SECONDS: Final = 180.0
_RELOADED: Final = "Reloaded configuration"
_TOP: Final = Path(__file__).parents[2]


def make_disk(path: Path, *, megabytes: int) -> None:
    """Make a file that is an empty file system of that size; it takes space as it fills up."""
    with path.open("wb") as file:
        file.truncate(megabytes << 20)
    # Without blocks for root alone, of which an engine would have the use when it is full.
    making = ["mkfs.ext4", "-q", "-F", "-m", "0", str(path)]
    subprocess.run(making, check=True, env={**os.environ, "PATH": f"{os.environ['PATH']}:/sbin"})


def copy_disk(disk: Path, to: Path) -> Path:
    """Copy a disk that no engine uses now; what is empty in it stays so."""
    subprocess.run(["cp", "--sparse=always", str(disk), str(to)], check=True)
    return to


@dataclass(slots=True)
class SecondEngine:
    """It answers at `address`, and has never heard of the first one's images."""

    folder: Path
    process: subprocess.Popen[str]
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "log"

    @property
    def address(self) -> str:
        return f"unix://{self.folder}/docker.sock"

    @property
    def inside(self) -> tuple[str, ...]:
        """What to put before a command that is to run on its machine, with its network and disk."""
        pid = str(self.process.pid)
        while "unshare" in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
            pid = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
        return (*_rights(), "nsenter", f"--target={pid}", "--mount", "--net", "--pid")

    @property
    def data(self) -> Path:
        """Its disk, which is to be seen from its own machine only."""
        return self.folder / "data"

    def kill(self) -> None:
        """End the engine as a crash does: SIGKILL, and its containers live on without it."""
        self._order("kill")

    def stop(self) -> None:
        """End the engine as its administrator does: SIGTERM, and its containers end first."""
        self._order("stop")

    def start(self) -> None:
        """Start it again, on what it has left; returns when it answers."""
        self._order("start")

    def reload(self) -> None:
        """Have it read its `daemon.json` anew as it runs, as far as it does that."""
        self._order("reload")

    def free_megabytes(self) -> int:
        """What its disk has left."""
        return int(self._order("measure"))

    def _order(self, order: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()


@contextmanager
def second_engine(folder: Path, disk: Path, packages: Path) -> Iterator[SecondEngine]:
    """Run an engine whose data is on the disk; afterwards no process, mount or group is left.

    `folder` must be empty, but for a `daemon.json`; `packages` has wheels that its builds find at
    INDEX.
    """
    group = f"toolkit-test-{uuid.uuid4().hex[:12]}"
    separated = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    inside = [sys.executable, "-m", "tests.docker.second_engine"]
    arguments = [str(folder), str(disk), str(packages), group]
    process = subprocess.Popen(
        [*_rights(), "unshare", *separated, *inside, *arguments],
        cwd=_TOP,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    engine = SecondEngine(folder, process)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said == "ready\n", engine.log.read_text() if engine.log.exists() else said
        yield engine
    finally:
        process.communicate(timeout=_SECONDS)
        _remove_groups(group)


def _remove_groups(name: str) -> None:
    """Remove the control groups that the engine made: the one thing that outlives namespaces."""
    tops = (*Path("/sys/fs/cgroup").glob(name), *Path("/sys/fs/cgroup").glob(f"*/{name}"))
    if tops:
        removing = ["-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]
        subprocess.run([*_rights(), "find", *map(str, tops), *removing], check=True)


def _rights() -> tuple[str, ...]:
    """What to put before a command that only root may run."""
    return ("sudo", "--non-interactive") if os.geteuid() else ()


def _main(folder: Path, disk: Path, packages: Path, group: str) -> None:
    """As the first process of the namespaces: start the engine, obey orders, end with them."""
    data = folder / "data"
    data.mkdir()
    subprocess.run(["mount", "-o", "loop", str(disk), str(data)], check=True)
    # Else it would use the first engine's containerd, where the system runs one.
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    configuration = folder / "daemon.json"
    if not configuration.exists():
        configuration.write_text("{}")
    command = [
        *("dockerd", f"--host=unix://{folder}/docker.sock", f"--data-root={data}/docker"),
        *(f"--config-file={folder}/daemon.json", "--exec-root=/run/docker"),
        *("--pidfile=/run/docker.pid", f"--bip={_GATEWAY}/24"),
        *("--exec-opt=native.cgroupdriver=cgroupfs", f"--cgroup-parent=/{group}"),
    ]
    with (folder / "log").open("wb") as log, serving(packages, "", _PORT):
        engine = _begin(command, log, folder / "docker.sock")
        print("ready", flush=True)  # noqa: T201 - a program
        for order in sys.stdin:
            if order == "kill\n":
                engine.kill()
                engine.wait()
                _collect(Path("/run/docker/containerd/containerd.pid"))
            elif order == "stop\n":
                engine.terminate()
                engine.wait()
            elif order == "start\n":
                engine = _begin(command, log, folder / "docker.sock")
            elif order == "reload\n":
                _reload(engine, folder / "log")
            found = os.statvfs(data)
            print(found.f_bavail * found.f_frsize >> 20, flush=True)  # noqa: T201 - a program
    subprocess.run(["umount", "--lazy", str(data)], check=False)


def _begin(command: list[str], log: BinaryIO, path: Path) -> subprocess.Popen[bytes]:
    engine = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    _await_answer(path, engine)
    return engine


def _reload(engine: subprocess.Popen[bytes], log: Path) -> None:
    before = log.read_text().count(_RELOADED)
    engine.send_signal(signal.SIGHUP)
    limit = time.monotonic() + _SECONDS
    while log.read_text().count(_RELOADED) == before and time.monotonic() < limit:
        time.sleep(0.05)


def _collect(pid: Path) -> None:
    """Wait for a process that dies with the engine: a dead one would be taken for a living one."""
    with contextlib.suppress(FileNotFoundError, ChildProcessError):
        os.waitpid(int(pid.read_text()), 0)


def _await_answer(path: Path, engine: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + _SECONDS
    while time.monotonic() < limit and engine.poll() is None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            if b" 200 " in connection.recv(64):
                return
        time.sleep(0.05)
    sys.exit("the second engine does not answer")


def missing_tools() -> tuple[str, ...]:
    """Name what this machine lacks for a second engine; nothing where it can be had."""
    tools = ("dockerd", "unshare", "mkfs.ext4", "mount")
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = tuple(each for each in tools if not shutil.which(each, path=path))
    if (
        os.geteuid()
        and subprocess.run(["sh", "-c", "sudo -n true"], capture_output=True).returncode
    ):
        return (*missing, "root's rights")
    return missing


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
