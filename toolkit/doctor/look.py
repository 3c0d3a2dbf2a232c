"""How each fact is gathered: files, the process, and single questions to the engine."""

from __future__ import annotations

import base64
import contextlib
import grp
import json
import os
import platform
import pwd
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib import metadata, util
from pathlib import Path
from typing import Any, Final, Literal

from toolkit import labels
from toolkit.builder.secrets import BUNDLES
from toolkit.doctor import facts
from toolkit.engine import Engine, EngineVersion, failures
from toolkit.engine.endpoint import Endpoint, known_sockets
from toolkit.errors import (
    EngineError,
    EngineRefusedError,
    EngineTooOldError,
    ImageReferenceError,
    ToolkitError,
)
from toolkit.reference import ImageReference

_STEERING: Final = ("DOCKER_", "PIP_", "UV_", "PYTHONHOME", *BUNDLES)
_OTHERS_PATIENCE: Final = 0.5
_STORED_PATIENCE: Final = 18.0
"""Seconds; the engine walks over all that it has."""
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def client() -> facts.Client:
    python = sys.version_info
    version = metadata.version("docker") if util.find_spec("docker") else None
    return facts.Client((python.major, python.minor, python.micro), version)


def docker_config(env: Mapping[str, str], home: Path) -> facts.DockerConfig:
    path = Path(env.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return facts.DockerConfig(path, present=False)
    except OSError as error:
        return facts.DockerConfig(path, present=True, error=f"cannot be read: {error.strerror}")
    except ValueError as error:
        return facts.DockerConfig(path, present=True, error=f"is not JSON: {error}")
    if not isinstance(content, dict):
        return facts.DockerConfig(path, present=True, error="is not a JSON object")
    if unreadable := [host for host, entry in _auths(content) if not _is_login(entry)]:
        said = f"has a login for {', '.join(unreadable)} that is not base64 of user:password"
        return facts.DockerConfig(path, present=True, error=said)
    found = {
        name: shutil.which(f"docker-credential-{name}", path=env.get("PATH")) is not None
        for name in sorted(set(_helpers(content)))
    }
    context = content.get("currentContext")
    return facts.DockerConfig(
        path,
        present=True,
        helpers=found,
        current_context=context if isinstance(context, str) and context else None,
    )


def _auths(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    auths = content.get("auths")
    for host, entry in auths.items() if isinstance(auths, dict) else ():
        if isinstance(entry, dict) and isinstance(written := entry.get("auth"), str) and written:
            yield str(host), written


def _is_login(written: str) -> bool:
    """Whether it can be read; docker-py does so for every registry before it does anything."""
    try:
        return b":" in base64.b64decode(written, validate=True)
    except ValueError:
        return False


def _helpers(content: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(store := content.get("credsStore"), str) and store:
        yield store
    if isinstance(helpers := content.get("credHelpers"), dict):
        yield from (str(name) for name in helpers.values())


def environment(env: Mapping[str, str], current_context: str | None) -> facts.Environment:
    folder = env.get("DOCKER_CERT_PATH")
    return facts.Environment(
        variables={name: value for name, value in env.items() if name.startswith(_STEERING)},
        current_context=current_context,
        certificates=not folder or _has_files(Path(folder)),
        no_bundles=tuple(
            name for name in BUNDLES if env.get(name) and not _is_bundle(Path(env[name]))
        ),
    )


def _is_bundle(path: Path) -> bool:
    if path.is_dir():  # some programs take a folder of hashed names
        return _has_files(path)
    return "CERTIFICATE-----" in text_of(path)


def _has_files(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def socket_at(path: Path | None, env: Mapping[str, str], home: Path) -> facts.Socket:
    if path is None:
        return facts.Socket("remote")
    target = _link(path)
    try:
        found = path.stat()
    except PermissionError:
        return facts.Socket("hidden", str(path))
    except OSError:
        kind: facts.SocketKind = "dangling" if target else "missing"
        return facts.Socket(kind, str(path), target=target, others=answering(path, env, home))
    kinds: dict[int, facts.SocketKind] = {stat.S_IFSOCK: "socket", stat.S_IFDIR: "directory"}
    kind = kinds.get(stat.S_IFMT(found.st_mode), "other")
    return facts.Socket(
        kind=kind,
        path=str(path),
        owner=user_name(found.st_uid),
        group=_group(found.st_gid),
        gid=found.st_gid,
        mode=stat.S_IMODE(found.st_mode),
        target=target,
        others=() if kind == "socket" else answering(path, env, home),
    )


def _link(path: Path) -> str:
    """Tell where a symbolic link points; nothing for what is none."""
    try:
        return str(path.readlink())
    except OSError:
        return ""


def answering(but: Path | None, env: Mapping[str, str], home: Path) -> tuple[str, ...]:
    """Find the known sockets, other than the one, at which an engine answers."""
    found = []
    for path in dict.fromkeys(known_sockets(env, home)):
        if path == but or not _is_socket(path):
            continue
        with Engine(Endpoint(f"unix://{path}", "found"), timeout=_OTHERS_PATIENCE) as engine:
            if _error(engine) is None:
                found.append(str(path))
    return tuple(found)


def _stat(path: Path) -> os.stat_result | None:
    """Look at a path; None where nothing is, or where we may not look."""
    try:
        return path.stat()
    except OSError:
        return None


def _is_socket(path: Path) -> bool:
    found = _stat(path)
    return found is not None and stat.S_ISSOCK(found.st_mode)


def _error(engine: Engine) -> ToolkitError | None:
    try:
        engine.ping()
    except ToolkitError as error:
        return error
    except ValueError:  # docker-py, about logins; its words may hold some of one
        return EngineError(
            "the engine cannot be asked: docker's configuration has what docker-py cannot read",
            hint="see what the check client.config says",
        )
    return None


def permission(socket: facts.Socket, env: Mapping[str, str]) -> facts.Permission:
    uid = os.geteuid()
    user = user_name(uid)
    runtime = env.get("XDG_RUNTIME_DIR")
    rootless = Path(runtime or f"/run/user/{uid}") / "docker.sock"
    remote = socket.kind == "remote"
    return facts.Permission(
        socket=socket,
        writable=remote or _may(socket.path, os.R_OK | os.W_OK),
        user=user,
        uid=uid,
        groups=tuple(sorted({os.getegid(), *os.getgroups()})),
        in_group_file=user in _members(socket.gid),
        in_container=failures.looks_like_a_container(),
        selinux=text_of(Path("/sys/fs/selinux/enforce")).strip() == "1",
        rootless=str(rootless) if _is_socket(rootless) else None,
    )


def _may(path: str | Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _members(gid: int) -> list[str]:
    try:
        return grp.getgrgid(gid).gr_mem
    except (KeyError, OverflowError, ValueError):
        return []


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def text_of(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def reach(engine: Engine, env: Mapping[str, str], home: Path) -> facts.Reach:
    begun = time.monotonic()
    error = _error(engine)
    address = str(engine.endpoint)
    if error is None:
        return facts.Reach(address, round(1000 * (time.monotonic() - begun)))
    others = answering(engine.endpoint.socket_path, env, home)
    return facts.Reach(address, error=error.message, hint=error.hint, others=others)


def architecture() -> str:
    """Give this machine's architecture as engines name it."""
    machine = platform.machine().lower()
    return _ARCHITECTURES.get(machine, machine)


def build(engine: Engine, flavour: str) -> facts.Build:
    """Open the road that a build would take, and leave it again."""
    from toolkit.engine import buildkit

    try:
        road = buildkit.road(engine)
    except (EngineRefusedError, EngineTooOldError) as error:
        return facts.Build(flavour, refused=error.message)
    return facts.Build(flavour, road=road.name, loses=road.loses)


def disk(path: str, endpoint: Endpoint) -> facts.Disk:
    # An engine in a virtual machine names a folder that is not here.
    if not path or endpoint.socket_path is None or not os.access(path, os.F_OK):
        return facts.Disk(path, local=False)
    found = os.statvfs(path)
    free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    return facts.Disk(path, local=True, free=free, total=total)


def used(engine: Engine, seen: facts.Disk, inside: tuple[int, int]) -> facts.Disk:
    """Ask the engine what could be freed; `inside` is what a container sees of its disk."""
    said: dict[str, Any] = {}
    with contextlib.suppress(EngineError):  # it may have more than it can count in that time
        doing = "asking what is stored"
        with engine.open("GET", "/system/df", doing=doing, timeout=_STORED_PATIENCE) as answer:
            said = json.loads(b"".join(answer.chunks()))
    free, total = inside if inside[1] else (seen.free, seen.total)
    return facts.Disk(
        seen.path, seen.local or bool(total), free, total, dict(_freeable(said)) if said else {}
    )


def _freeable(said: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """What nobody uses, as far as its removal would free space."""
    cache = said.get("BuildCache") or ()
    yield "build cache", sum(each["Size"] for each in cache if not each.get("InUse"))
    images = said.get("Images") or ()
    unused = [each for each in images if not each.get("Containers")]
    yield "images", sum(each["Size"] - max(each.get("SharedSize", 0), 0) for each in unused)
    containers = said.get("Containers") or ()
    yield (
        "containers",
        sum(each.get("SizeRw") or 0 for each in containers if each.get("State") != "running"),
    )
    volumes = [each.get("UsageData") or {} for each in said.get("Volumes") or ()]
    unused = [each for each in volumes if not each.get("RefCount")]
    yield "volumes", sum(max(each.get("Size", 0), 0) for each in unused)


def work_dir(given: Path | None, home: Path) -> facts.WorkDir:
    path = Path(os.path.abspath(given or tempfile.gettempdir()))  # noqa: PTH100 - no symlinks followed
    there = _stat(path)
    kind: Literal["directory", "absent", "other"] = "absent"
    if there is not None:
        kind = "directory" if stat.S_ISDIR(there.st_mode) else "other"
    place = next(folder for folder in (path, *path.parents) if _stat(folder))
    found = os.statvfs(place)
    mount, kind_of_disk = mounted_at(place, text_of(Path("/proc/self/mountinfo")))
    return facts.WorkDir(
        path=path,
        given=given is not None,
        kind=kind,
        writable=_may(place, os.W_OK | os.X_OK),
        free=found.f_bavail * found.f_frsize,
        noexec=bool(found.f_flag & os.ST_NOEXEC),
        file_system=kind_of_disk,
        place=_place(path, home),
        mount=mount,
        read_only=bool(found.f_flag & os.ST_RDONLY),
        stray=kind == "directory" and is_stray(path),
    )


def is_stray(path: Path) -> bool:
    """Whether it is an empty folder of somebody else, which we may remove and make anew."""
    folder, around = _stat(path), _stat(path.parent)
    if folder is None or around is None or folder.st_uid == os.geteuid() or path.is_symlink():
        return False
    ours = _may(path.parent, os.W_OK | os.X_OK) and not around.st_mode & stat.S_ISVTX
    try:
        return ours and not os.path.ismount(path) and not any(path.iterdir())
    except OSError:
        return False


def _place(path: Path, home: Path) -> Literal["root", "home", "current", ""]:
    if path == Path(path.anchor):
        return "root"
    if path == home:
        return "home"
    return "current" if path == Path.cwd() else ""


def mounted_at(path: Path, mountinfo: str) -> tuple[str, str]:
    """Tell the mount point that a path is on, and its file system, from /proc/self/mountinfo."""
    best, place, kind = -1, "/", ""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        if len(left.split()) < 5 or not right:
            continue
        point = Path(left.split()[4].replace("\\040", " "))
        depth = len(point.parts)
        if depth >= best and (path == point or point in path.parents):
            best, place, kind = depth, str(point), right.split()[0]
    return place, kind


def image(engine: Engine, name: str, version: EngineVersion) -> facts.ImageSeen:
    runs = f"{version.os}/{version.arch}"
    if not name.startswith("sha256:"):
        try:
            ImageReference.parse(name)
        except ImageReferenceError as error:
            return facts.ImageSeen(name, error=error.message)
    found = engine.inspect_image(name)
    if found is None:
        return facts.ImageSeen(name, engine=runs)
    carried = (found.get("Config") or {}).get("Labels") or {}
    return facts.ImageSeen(
        name=name,
        id=str(found["Id"]),
        created=str(found.get("Created") or ""),
        size=int(found.get("Size") or 0),
        platform=f"{found.get('Os')}/{found.get('Architecture')}",
        engine=runs,
        digest=carried.get(labels.DIGEST),
    )
