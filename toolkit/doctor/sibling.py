"""What a real container shows: its programs, the work dir from inside, its network, its end.

Hidden here: what is asked inside, and that one container answers all of it. Each is an executor's
own, so that it is gone with its owner; what is left of dead ones is removed, as by every start.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from toolkit.coding import certificates, proxies
from toolkit.container import ContainerOptions
from toolkit.container.options import Mount
from toolkit.doctor import scenes
from toolkit.engine import Engine
from toolkit.errors import ContainerError, ExecError
from toolkit.lifecycle import ContainerManager

_PROGRAMS: Final = ("sh", "cat", "timeout", "python", "python3")
_INDEXES: Final = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_DEFAULT_INDEX: Final = "https://pypi.org/simple/"
_NO_IMAGE: Final = "no image is at hand to try it with; name one with --image"
_GRACE: Final = 5.0
"""Seconds for which a container may outlive its owner; a heartbeat's would be more."""

_INSIDE: Final = """\
import json, os, socket, ssl, sys
asked = json.loads(sys.argv[1])
said = {"stage": "", "said": "", "nameservers": []}
try:
    with open("/etc/resolv.conf") as file:
        said["nameservers"] = [line.split()[1] for line in file if line.startswith("nameserver ")]
except OSError:
    pass
def look():
    host, port = asked["host"], asked["port"]
    stage = "name"
    try:
        socket.getaddrinfo(host, port)
        stage = "route"
        with socket.create_connection((host, port), timeout=5) as plain:
            if asked["tls"]:
                stage = "certificate"
                context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
                context.wrap_socket(plain, server_hostname=host).close()
    except OSError as error:
        said["stage"], said["said"] = stage, str(error)
if asked["host"]:
    look()
if asked["file"]:
    try:
        with open(asked["file"]) as file:
            said["read"] = file.read() == asked["text"]
        with open(asked["file"] + "-back", "w") as file:
            file.write(asked["text"])
    except OSError as error:
        said["files"] = str(error)
json.dump(said, sys.stdout)
"""

_OWNER: Final = """\
import sys, time
from toolkit.container import ContainerOptions
from toolkit.engine import connect
from toolkit.lifecycle import ContainerManager
options = ContainerOptions(image=sys.argv[1], network="none", role="doctor")
print(ContainerManager(connect()).start(options).id, flush=True)
time.sleep(60)
"""


def sibling(
    engine: Engine, image: str, *, mount: Mount | None, env: Mapping[str, str]
) -> scenes.Sibling:
    """Start a container as an executor does, with the work dir if any, ask it, and end it."""
    if not image:
        return scenes.Sibling(untried=_NO_IMAGE)
    bundle = certificates.bundle(choice=True, environment=env)
    seen = scenes.Sibling(image=image, index=index(env), proxied=bool(proxies.variables(env)))
    options = ContainerOptions(
        image=image,
        mounts=(mount,) if mount else (),
        programs=_PROGRAMS,
        role="doctor",
        files=(bundle,) if bundle else (),
        environment=certificates.variables(bundle),
    )
    try:
        with ContainerManager(engine) as manager:
            return _asked(manager, options, seen, mount.proof if mount else None)
    except (ContainerError, ExecError) as error:
        hint = error.hint or ""
        if mount is None:
            return replace(seen, error=error.message, hint=hint)
        # Was it the work dir? Without it, the rest can still be asked.
        found = sibling(engine, image, mount=None, env=env)
        folder = str(mount.proof)
        return replace(found, work_dir=folder, read=False, files=error.message, hint=hint)


def index(env: Mapping[str, str]) -> str:
    """Name the package index as `https://host:port`; the rest of an address may hold a secret."""
    address = next((env[name] for name in _INDEXES if env.get(name)), _DEFAULT_INDEX)
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else ""


def _asked(
    manager: ContainerManager, options: ContainerOptions, seen: scenes.Sibling, folder: Path | None
) -> scenes.Sibling:
    container = manager.start(options)
    ready = container.ready
    seen = replace(seen, python=ready.python, programs=ready.programs)
    python = ready.programs.get("python") or ready.programs.get("python3") or "python3"
    parts = urlsplit(seen.index)
    question = {
        "host": "" if seen.proxied else parts.hostname or "",
        "port": parts.port or (443 if parts.scheme == "https" else 80),
        "tls": parts.scheme == "https",
        "file": "",
        "text": secrets.token_hex(16),
    }

    def ask() -> dict[str, Any]:
        ended = container.run([python, "-I", "-c", _INSIDE, json.dumps(question)], timeout=15.0)
        return _said(ended.stdout, ended.stderr)

    if folder is None:
        return replace(seen, **ask())
    there, text = folder / f".toolkit-doctor-{secrets.token_hex(8)}", question["text"]
    back = there.with_name(f"{there.name}-back")
    question["file"] = there.name
    try:
        there.write_text(str(text))
        return replace(seen, work_dir=str(folder), **ask(), **_back(back, str(text)))
    finally:
        there.unlink(missing_ok=True)
        back.unlink(missing_ok=True)


def _said(stdout: bytes, stderr: bytes) -> dict[str, Any]:
    """What the program inside has found out, as fields; its own end is told where it came early."""
    try:
        found = json.loads(stdout)
    except ValueError:
        last = stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return {"error": f"the program inside ended early: {last or 'it said nothing'}"}
    return {
        "nameservers": tuple(map(str, found["nameservers"])),
        "stage": str(found["stage"]),
        "said": str(found["said"]),
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


def tether(engine: Engine, image: str, env: Mapping[str, str]) -> scenes.Tether:
    """Kill a process that has a container, and see how long that one is still there."""
    if not image:
        return scenes.Tether(untried=_NO_IMAGE)
    command = [sys.executable, "-c", _OWNER, image]
    with subprocess.Popen(
        command, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        try:
            container = owner.stdout.readline().strip() if owner.stdout else ""
        finally:
            owner.kill()
    if not container:
        return scenes.Tether(untried="no container was started to try it with")
    begun = time.monotonic()
    while (spent := time.monotonic() - begun) < _GRACE:
        if engine.inspect_container(container) is None:
            return scenes.Tether(seconds=spent)
        time.sleep(0.02)
    engine.remove_container(container)
    return scenes.Tether(seconds=_GRACE, lasted=True)
