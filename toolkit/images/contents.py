"""What is installed in an image, read without running anything of it.

Hidden here: a container that is never started. The engine hands out its files as a tar; so an image
whose Python is broken, or of another architecture, or whose packages would run something when
Python starts, is read like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from toolkit.engine import Engine
from toolkit.errors import EngineRefusedError, SpecError
from toolkit.images.archive import read_tar
from toolkit.images.installed import Distribution, Venv
from toolkit.images.listing import VENV
from toolkit.images.system import System, read_system
from toolkit.lifecycle.unstarted import unstarted

_RELEASES: Final = ("/usr/lib/os-release", "/etc/os-release")
_STATUS: Final = "/var/lib/dpkg/status"


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in an image. `distributions` are Python's, the largest first.

    `other` are the bytes of the environment that belong to none of them. `installer` is the tool
    that resolved, `uv` or `pip`, and `lock` its record (PEP 751); they and `python` are empty where
    the image does not say.
    """

    python: str
    installer: str
    distributions: tuple[Distribution, ...]
    other: int
    system: System
    lock: str = ""


def contents(engine: Engine, image_id: str, *, shown: str) -> Contents:
    """Look into an image; `shown` is how the user called it.

    Raises SpecError where it has no environment of ours, EngineError.
    """
    with unstarted(engine, image_id) as container:
        venv = Venv()
        try:
            for path, size, content in _files(engine, container, VENV, wants=Venv.wants):
                venv.add(path.partition("/")[2], size, content)
        except FileNotFoundError:
            raise SpecError(
                f"the image {shown} has no {VENV}",
                hint="name an image that `toolkit images` lists",
            ) from None
        release = next(filter(None, (_text(engine, container, path) for path in _RELEASES)), "")
        system = read_system(release, _text(engine, container, _STATUS))
    found = venv.distributions()
    return Contents(
        python=venv.python,
        installer=venv.installer,
        distributions=found,
        other=venv.size - sum(each.size for each in found),
        system=system,
        lock=venv.lock,
    )


def _files(
    engine: Engine, container: str, path: str, *, wants: Callable[[str], bool]
) -> Iterator[tuple[str, int, bytes]]:
    """What is at a path of the container. Raises FileNotFoundError where there is nothing."""
    doing = "reading the files of an image"
    where = f"/containers/{container}/archive"
    try:
        answer = engine.open("GET", where, doing=doing, params={"path": path})
    except EngineRefusedError as error:
        if error.status == 404:
            raise FileNotFoundError(path) from error
        raise
    with answer:
        yield from read_tar(answer.chunks(), wants=wants)


def _text(engine: Engine, container: str, path: str) -> str:
    """The text of a file, or nothing where there is none, or a link."""
    try:
        read = [content for _, _, content in _files(engine, container, path, wants=lambda _: True)]
    except FileNotFoundError:
        return ""
    return b"".join(read).decode("utf-8", "replace")
