"""What a real container shows: its programs, its confinement, the work dir, its network.

Hidden here: that one container answers all of it. It is an executor's own, so that it is gone with
its owner; what is left of dead ones is removed, as by every start.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from toolkit.coding import certificates, proxies
from toolkit.container import Container, ContainerOptions
from toolkit.container.options import Mount
from toolkit.doctor import questions, scenes
from toolkit.doctor.attempts import NO_IMAGE
from toolkit.engine import Engine
from toolkit.errors import ContainerError, ExecError
from toolkit.lifecycle import ContainerManager

_PROGRAMS: Final = ("sh", "cat", "timeout", "python", "python3")


def sibling(
    engine: Engine,
    image: str,
    *,
    mount: Mount | None,
    env: Mapping[str, str],
    network: str | None = None,
) -> scenes.Sibling:
    """Start a container as an executor does, with the work dir if any, ask it, and end it."""
    if not image:
        return scenes.Sibling(untried=NO_IMAGE)
    bundle = certificates.bundle(choice=True, environment=env)
    seen = scenes.Sibling(
        image=image,
        index=questions.index(env),
        proxied=bool(proxies.variables(env)),
        cut_off=network is not None,
    )
    options = ContainerOptions(
        image=image,
        network=network,
        mounts=(mount,) if mount else (),
        programs=_PROGRAMS,
        role="doctor",
        files=(bundle,) if bundle else (),
        environment=certificates.variables(bundle),
    )
    try:
        with ContainerManager(engine) as manager:
            return _started(manager, options, seen, mount.proof if mount else None)
    except (ContainerError, ExecError) as error:
        hint = error.hint
        if mount is None:
            return replace(seen, error=error.message, hint=hint)
        # Was it the work dir? Without it, the rest can still be asked.
        found = sibling(engine, image, mount=None, env=env, network=network)
        folder = str(mount.proof)
        return replace(found, work_dir=folder, read=False, files=error.message, hint=hint)


def _started(
    manager: ContainerManager, options: ContainerOptions, seen: scenes.Sibling, folder: Path | None
) -> scenes.Sibling:
    begun = time.monotonic()
    container = manager.start(options)
    ready = container.ready
    seen = replace(
        seen,
        python=ready.python,
        programs=ready.programs,
        milliseconds=round(1000 * (time.monotonic() - begun)),
    )
    host, port, tls = questions.place("" if seen.proxied or seen.cut_off else seen.index)
    asked = questions.Asked(host, port, tls, text=secrets.token_hex(16))
    if folder is None:
        return replace(seen, **_answered(container, asked))
    there = folder / f".toolkit-doctor-{secrets.token_hex(8)}"
    back = there.with_name(f"{there.name}-back")
    try:
        there.write_text(asked.text)
        found = _answered(container, replace(asked, file=there.name))
        return replace(seen, work_dir=str(folder), **found, **_back(back, asked.text))
    finally:
        there.unlink(missing_ok=True)
        back.unlink(missing_ok=True)


def _answered(container: Container, asked: questions.Asked) -> dict[str, Any]:
    """What the program inside has found out, as fields; its own end is told where it came early."""
    programs = container.ready.programs
    python = programs.get("python") or programs.get("python3") or "python3"
    ended = container.run(asked.argv(python, ("-c", questions.PROGRAM)), timeout=15.0)
    found = questions.read(ended.stdout.decode("utf-8", "replace"))
    if found is None:
        last = ended.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return {"error": f"the program inside ended early: {last or 'it said nothing'}"}
    free, total = found["disk"]
    return {
        **questions.outward(found),
        "nameservers": tuple(map(str, found["nameservers"])),
        "status": {str(name): str(value) for name, value in found["status"].items()},
        "disk": (int(free), int(total)),
        "files": str(found.get("files", "")),
        "read": found.get("read"),
    }


def _back(path: Path, text: str) -> dict[str, Any]:
    """What has come back of the container: whether it is there, and whose it is."""
    try:
        owner = path.lstat()
        wrote = path.read_text() == text
    except OSError:
        return {"wrote": False}
    return {
        "wrote": wrote,
        "owner": (owner.st_uid, owner.st_gid),
        "mine": (os.geteuid(), os.getegid()),
    }
