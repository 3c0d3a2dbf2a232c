"""Debian with both engines, as images of the first engine: made once for each suite, then reused.

Hidden here: mmdebstrap, and that the machine's clock may be off. The image is known by the recipe
that it was made by; `--new-machines` makes it anew, with the packages of the day.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from toolkit.engine import Engine
from toolkit.errors import EngineRefusedError
from toolkit.reference import ImageReference
from toolkit.setup import rootfs

KEY: Final = "toolkit-test-engines"
_PACKAGES: Final = (
    *("docker.io", "podman", "crun", "netavark", "aardvark-dns"),
    *("iptables", "nftables", "ca-certificates", "kmod"),
)
ROOTLESS: Final = ("uidmap", "rootlesskit", "slirp4netns")
"""What an engine needs besides that runs under a user without rights."""
_LEFT_OUT: Final = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")


class UnavailableError(Exception):
    """Why this machine cannot have an engine."""


def machine(engine: Engine, suite: str, *, more: tuple[str, ...] = (), anew: bool = False) -> str:
    """The image of that suite, made where it is not there; `more` are packages besides.

    UnavailableError says why it cannot be had.
    """
    command = _command(suite, more)
    recipe = hashlib.sha256(json.dumps(command).encode()).hexdigest()[:12]
    kind = f"{'more-' if more else ''}{suite}-"
    reference = ImageReference(None, KEY, f"{kind}{recipe}")
    if anew or engine.inspect_image(str(reference)) is None:
        engine.tag_image(_made(engine, command), reference)
        _remove_older(engine, kind, str(reference))
    return str(reference)


def _remove_older(engine: Engine, kind: str, kept: str) -> None:
    """Remove what was made of that kind before; each is half a gigabyte."""
    for entry in engine.list_images(f"{KEY}=machine"):
        names = [name for name in entry.get("RepoTags") or () if name != "<none>:<none>"]
        older = [name for name in names if name.startswith(f"{KEY}:{kind}") and name != kept]
        for name in older if names else [str(entry["Id"])]:
            with contextlib.suppress(EngineRefusedError):  # another run uses it
                engine.remove_image(name)


def _made(engine: Engine, command: tuple[str, ...]) -> str:
    if shutil.which("mmdebstrap") is None:
        raise UnavailableError("mmdebstrap is missing; run `apt-get install mmdebstrap`")
    with tempfile.TemporaryDirectory(prefix=f"{KEY}-") as folder:
        tar = Path(folder) / "rootfs.tar"
        sudo = ("sudo", "--non-interactive") if os.geteuid() else ()
        made = subprocess.run([*sudo, *command, str(tar)], capture_output=True, text=True)
        if made.returncode:
            last = (made.stderr.strip().splitlines() or ["it does not say why"])[-8:]
            raise UnavailableError(f"mmdebstrap failed: {' / '.join(last)}")
        with tar.open("rb") as file:
            return engine.import_image(file, changes=(f"LABEL {KEY}=machine",))


def _command(suite: str, more: tuple[str, ...]) -> tuple[str, ...]:
    settings = ("Acquire::Check-Valid-Until", "Acquire::Check-Date")
    said = subprocess.run(["apt-config", "dump", *settings], capture_output=True, text=True).stdout
    return (
        *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar"),
        f"--include={','.join((*_PACKAGES, *more))}",
        *((f"--hook-directory={rootfs.MERGED_USR}",) if Path(rootfs.MERGED_USR).is_dir() else ()),
        *(f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT),
        "--dpkgopt=force-unsafe-io",
        *(f"--aptopt={line}" for line in said.splitlines()),
        suite,
    )
