"""Creating a container whose folder is proven to be the one meant, before anything runs in it.

Hidden here: the proof is made on the very container, created and not yet started, so that it takes
no other container and no code; one that has another folder is removed, and the next source tried.
Mounts are never Binds, so that nothing is made on the engine's host meanwhile.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from toolkit import labels as label
from toolkit.container.creation import Creation
from toolkit.container.options import Mount, apart, mounted
from toolkit.container.refusals import is_no_source
from toolkit.engine import Engine
from toolkit.errors import EngineError, EngineRefusedError, Hint, StartError
from toolkit.host_path import Search, Source, nonce, say_it

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Placed:
    """A container by its id, and its folder that has a proof.

    `copied_to` is a volume into which that is to be copied, where it is not shared; `shared_as` the
    path that it has on the engine's host, where it is shared and has one that is known.
    """

    container: str
    copied_to: str | None = None
    shared_as: str | None = None


def create(creation: Creation, body: Mapping[str, Any], mounts: Iterable[Mount]) -> Placed:
    """Create the container; what has a `proof` is proven to be that folder.

    Raises StartError where the source that was given is not it, or none can be found and it must be
    shared; for a folder that is read-only, too.
    """
    mount = next((each for each in mounts if each.proof is not None), None)
    if mount is None or mount.proof is None:
        return Placed(creation.ask(body))
    if mount.transfer == "copy":
        return _apart(creation, body, mount)
    trial = _Trial(creation, body, mount)
    search = Search(creation.engine, mount.proof)
    if not mount.source:
        if trial.found(search):
            search.tell(trial.source)
        elif mount.transfer == "auto":
            _LOG.info("%s: it is copied", search.failure().message)
            return _apart(creation, body, mount)
        else:
            raise search.failure()
    elif not trial.found([Source(mount.source, mount.kind, "it was given", mount.subpath)]):
        refusal = trial.refusal
        raise StartError(refusal, hint=_instead(trial, search, mount))
    source = trial.source
    return Placed(trial.container, shared_as=source.source if source.kind == "bind" else None)


def _apart(creation: Creation, body: Mapping[str, Any], mount: Mount) -> Placed:
    labelled = {**body, "Labels": {**body["Labels"], label.COPIED: "1"}}
    volume = apart(mount, body["Labels"])
    container = creation.ask(_with(labelled, mount, volume))
    if "User" not in body:  # the image's may not be root, and so nor may the worker
        creation.engine.put_files(container, "/", _opened(mount.target))
    return Placed(container, copied_to=mount.target)


def _opened(folder: str) -> bytes:
    """A tar by which a folder of the container becomes everybody's, as /tmp is."""
    made = io.BytesIO()
    entry = tarfile.TarInfo(folder.strip("/"))
    entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
    with tarfile.open(fileobj=made, mode="w") as tar:
        tar.addfile(entry)
    return made.getvalue()


def is_same(engine: Engine, container: str, mount: Mount) -> bool:
    """Whether a container, started or not, has the folder of the mount's `proof` there."""
    if mount.proof is None:
        return True
    with nonce(mount.proof) as name:
        return engine.container_path_exists(container, f"{mount.target}/{name}")


class _Trial:
    """One source after another, on containers of one name. `refusal` says what the last was."""

    def __init__(self, creation: Creation, body: Mapping[str, Any], mount: Mount) -> None:
        self._creation = creation
        self._body = body
        self._mount = mount
        self.refusal = ""

    source: Source
    container: str
    """What was found, where it was."""

    def found(self, sources: Iterable[Source]) -> bool:
        """Whether one is right; its container is there then, and no other."""
        return any(self._is_right(source) for source in sources)

    def _is_right(self, source: Source) -> bool:
        mount = replace(self._mount, source=source.source, kind=source.kind, subpath=source.subpath)
        try:
            container = self._creation.ask(_with(self._body, mount, mounted(mount)))
        except EngineRefusedError as error:
            if not is_no_source(error.message, source.source):
                raise
            self.refusal = f"folder {source} does not exist on the engine's host"
            return False
        if is_same(self._creation.engine, container, mount):
            self.source, self.container = source, container
            return True
        self._creation.withdraw()
        self.refusal = (
            f"folder {source} of the engine's host is not the folder {mount.proof} of this process"
        )
        return False


def _with(body: Mapping[str, Any], mount: Mount, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The body with this entry at the mount's target, in place of what is to be found."""
    host = body["HostConfig"]
    others = [each for each in host["Mounts"] if each["Target"] != mount.target]
    return {**body, "HostConfig": {**host, "Mounts": [entry, *others]}}


def _instead(trial: _Trial, search: Search, mount: Mount) -> Hint:
    """Say what would have been right, where it can be found."""
    hint = say_it(mount.proof or "")
    flags = (*hint.flags, "--bind-dir", mount.source)  # doctor is to look at what was given
    with contextlib.suppress(StartError, EngineError):  # the first refusal is the news
        if trial.found(search):
            text = (
                f"leave bind_dir out, and TOOLKIT_BIND_DIR and TOOLKIT_PATH_MAP: it is found to be "
                f"{trial.source}"
            )
            return Hint(text, check=hint.check, flags=flags)
    return Hint(hint, check=hint.check, flags=flags)
