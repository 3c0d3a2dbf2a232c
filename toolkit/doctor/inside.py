"""How facts of an application in a container are gathered: which one it is, and its work dir.

Hidden here: a folder's path is proven on a container that is created, never started, and removed.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from toolkit import host_path, image
from toolkit.container.creation import Creation
from toolkit.container.options import WORKSPACE, Mount
from toolkit.container.placing import create
from toolkit.doctor import facts, scenes
from toolkit.engine import Engine
from toolkit.errors import SpecError, StartError
from toolkit.host_path.candidates import suspects
from toolkit.host_path.given import BIND_DIR, PATH_MAP
from toolkit.host_path.mountinfo import below, holding, points
from toolkit.host_path.search import view_of
from toolkit.lifecycle.ownership import ownership

_SIGNS: Final = ("/.dockerenv", "/run/.containerenv")
_VARIABLES: Final = ("container", "KUBERNETES_SERVICE_HOST")


def inside(env: Mapping[str, str]) -> scenes.Inside:
    view = view_of(Path("/"))
    signs = [path for path in _SIGNS if os.path.lexists(path)]
    signs += [f"${name}" for name in _VARIABLES if env.get(name)]
    if view.is_inside:
        signs.append("the kernel's mounts and cgroup")
    return scenes.Inside(view.is_inside, tuple(signs))


def identity(engine: Engine) -> scenes.Identity:
    return scenes.Identity(
        address=str(engine.endpoint),
        id=host_path.own_container(engine),
        suspects=suspects(view_of(Path("/"))),
    )


def socket_mount(socket: facts.Socket) -> scenes.SocketMount:
    if socket.kind == "remote":
        return scenes.SocketMount("remote")
    view = view_of(Path(socket.path))
    return scenes.SocketMount(socket.kind, socket.path, view.point.path)


def mounted(work_dir: Path | None) -> scenes.Mounted:
    """Look at the mount of the work dir, or of where a temporary one would be."""
    path = os.path.abspath(work_dir or tempfile.gettempdir())  # noqa: PTH100 - no symlinks followed
    view = view_of(Path(path))
    mounts = points(view.mountinfo)
    point = holding(mounts, view.folder) or view.point
    return scenes.Mounted(
        path=path,
        folder=view.folder,
        point=point.path,
        file_system=point.file_system,
        inside=view_of(Path("/")).is_inside,
        given=work_dir is not None,
        whole=point.root == "/",
        read_only=point.read_only,
        nested=below(mounts, view.folder),
    )


def bound(
    engine: Engine, folder: Path | None, asked: tuple[str | None, Mapping[str, str]], name: str
) -> scenes.Bound:
    """Prove what the engine knows the folder as; `asked` is the bind_dir and the environment."""
    if folder is None:
        return scenes.Bound(untried="no work dir was given; name one with --work-dir")
    if not folder.is_dir():
        return scenes.Bound(untried=f"{folder} is not there yet")
    chosen = local_image(engine, name)
    if not chosen:
        return scenes.Bound(untried="no image is at hand to try it with; name one with --image")
    bind_dir, env = asked
    given = ""
    try:
        wanted = mount(folder, bind_dir, env)
        given = wanted.source
        source = _proved(engine, wanted, chosen)
    except (SpecError, StartError) as error:
        return scenes.Bound(
            folder=str(folder),
            given=given,
            from_env=_variable(bind_dir, env),
            error=error.message,
            hint=error.hint,
        )
    return scenes.Bound(folder=str(folder), given=given, source=source)


def mount(folder: Path, bind_dir: str | None, env: Mapping[str, str]) -> Mount:
    """The work dir as an executor mounts it. Raises SpecError for a map of paths that is none."""
    return Mount(host_path.given(bind_dir, folder, env), WORKSPACE, proof=folder, transfer="bind")


def _variable(bind_dir: str | None, env: Mapping[str, str]) -> str:
    if bind_dir is not None:
        return ""
    return next((name for name in (BIND_DIR, PATH_MAP) if env.get(name)), "")


def local_image(engine: Engine, name: str) -> str:
    """Any image will do: the one that was asked for, this container's own, or a base of ours."""
    if name and engine.inspect_image(name):
        return name
    if own := host_path.own_container(engine):
        return str((engine.inspect_container(own) or {}).get("Image") or "")
    return next((str(base) for base in image.local_bases(engine)), "")


def _proved(engine: Engine, wanted: Mount, image_name: str) -> str:
    """Create a container with the folder, and say what the engine was given for it."""
    session, name = secrets.token_hex(8), f"tk-doctor-{secrets.token_hex(4)}"
    body = {
        "Image": image_name,
        "Cmd": ["true"],  # it is never started
        "Labels": ownership(session, name, role="doctor", kept=False, container=""),
        "HostConfig": {"Mounts": [], "NetworkMode": "none"},
    }
    creation = Creation(engine, name, session=session)
    try:
        container = create(creation, body, [wanted]).container
        made = engine.inspect_container(container) or {}
    finally:
        creation.discard()
    return _source(made)


def _source(made: Mapping[str, Any]) -> str:
    mounts = (made.get("HostConfig") or {}).get("Mounts") or ()
    for each in mounts:
        if each.get("Target") == WORKSPACE:
            subpath = (each.get("VolumeOptions") or {}).get("Subpath")
            return f"{each['Source']}/{subpath}" if subpath else str(each["Source"])
    for each in made.get("Mounts") or ():  # Podman tells of mounts here only
        if each.get("Destination") == WORKSPACE:
            return str(each.get("Name") or each.get("Source") or "")
    return ""


def relabel(info: facts.Info, work_dir: Path | None) -> scenes.Relabel:
    options = [str(option) for option in info.get("SecurityOptions") or ()]
    confined = "name=selinux" in options
    if work_dir is None:
        return scenes.Relabel(confined, "", given=False)
    return scenes.Relabel(confined, str(work_dir), _label(work_dir))


def _label(path: Path) -> str:
    try:
        return os.getxattr(path, "security.selinux").rstrip(b"\0").decode("ascii", "replace")
    except (OSError, AttributeError):  # not on macOS
        return ""
