"""A base image from Debian's packages, for machines that no registry reaches.

Hidden here: mmdebstrap, the rights that it needs, and that its tar goes through a file: the labels
have to be known before the import begins, and they say what is in the tar.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from toolkit.engine import Engine
from toolkit.errors import BaseImageError, EngineRefusedError, Hint, SpecError
from toolkit.image import local_bases
from toolkit.reference import ImageReference
from toolkit.setup import packages, rootfs, sources
from toolkit.setup.programs import (
    Command,
    Consent,
    Ended,
    Rights,
    Say,
    find,
    rights,
    run,
    with_proxies,
)

DEFAULT_SUITE: Final = "trixie"
"""Where the machine is neither Debian nor Ubuntu, and so has no suite of its own."""

_SUITE: Final = re.compile(r"[a-z][a-z0-9.-]*")
# A machine whose clock is off says so in its settings; the image gets none of them.
_APT_SETTINGS: Final = ("Acquire::Check-Valid-Until", "Acquire::Check-Date")


@dataclass(frozen=True, slots=True)
class _Task:
    suite: str
    env: Mapping[str, str]
    access: Rights
    say: Say
    folder: Path

    @property
    def tar(self) -> Path:
        return self.folder / "rootfs.tar"


def make_base_image(
    engine: Engine,
    *,
    suite: str | None = None,
    force: bool = False,
    consent: Consent,
    say: Say,
    env: Mapping[str, str] | None = None,
) -> ImageReference:
    """Make a base image of the suite and give its name; an existing one is kept but for `force`.

    Without `suite` it is the machine's own. `consent` is asked before mmdebstrap is installed.
    Raises SpecError for a suite that is no name, EngineError where mmdebstrap or the rights that it
    needs cannot be had, BaseImageError where the image cannot be made. Nothing half-made is left.
    """
    here = packages.this_distribution()
    wanted = suite or _own_suite(here)
    if not _SUITE.fullmatch(wanted):
        raise SpecError(
            f"the suite {wanted!r} is not the name of a Debian or Ubuntu release",
            hint="name one such as bookworm",
        )
    existing = [base for base in local_bases(engine) if _is_of(base, wanted)]
    if existing and not force:
        say(f"the base image {existing[0]} is here already (--force makes it anew)")
        return existing[0]
    world = os.environ if env is None else env
    access = rights(env=world)
    packages.require("mmdebstrap", "mmdebstrap", env=world, access=access, consent=consent, say=say)
    with tempfile.TemporaryDirectory(prefix="toolkit-base-") as folder:
        task = _Task(wanted, world, access, say, Path(folder))
        say(f"making a base image of {wanted} with mmdebstrap; this takes about a minute")
        _make_tar(task, here)
        return _import(engine, task)


def _own_suite(here: packages.Distribution) -> str:
    own = here.codename if here.id in {"debian", "ubuntu"} else None
    return own or DEFAULT_SUITE


def _is_of(base: ImageReference, suite: str) -> bool:
    return (base.tag or "").startswith(f"{suite}-py")


# --- the tar ---------------------------------------------------------------------------------


def _make_tar(task: _Task, here: packages.Distribution) -> None:
    """Run mmdebstrap, in each mode that may work here, until one does."""
    ended: Ended | None = None
    for mode, access in _modes(task):
        ended = run(access.grant(_command(task, mode, here)), env=task.env)
        if ended.code == 0:
            return
        task.say(f"mmdebstrap in {mode} mode failed: {_reason(ended)}")
    if ended is None:
        raise BaseImageError(
            "mmdebstrap needs root's rights or user namespaces, and has neither here",
            hint="run `toolkit base-image` as root, or install `uidmap` and enter "
            f"{getpass.getuser()} in /etc/subuid and /etc/subgid",
        )
    raise BaseImageError(
        f"mmdebstrap could not make a root file system of {task.suite}: {_reason(ended)}",
        hint="look whether the package mirror can be reached and has that suite, "
        "and whether the disk has 1 GB free",
        log=ended.lines,
    )


def _modes(task: _Task) -> Iterator[tuple[str, Rights]]:
    if os.geteuid() != 0 and _may_unshare(task.env):
        yield "unshare", Rights(())
    if task.access.prefix is not None:
        yield "root", task.access


def _may_unshare(env: Mapping[str, str]) -> bool:
    """Whether this user has subordinate ids, and the program that hands them out."""
    if find("newuidmap", env) is None:
        return False
    with contextlib.suppress(OSError):
        entries = Path("/etc/subuid").read_text().splitlines()
        names = {getpass.getuser(), str(os.geteuid())}
        return any(entry.partition(":")[0] in names for entry in entries)
    return False


def _command(task: _Task, mode: str, here: packages.Distribution) -> Command:
    given = sources.of_suite(sources.of_machine(), task.suite) if _is_own(task, here) else ()
    listing = task.folder / "distribution.sources"
    listing.write_text("\n".join(source.stanza() for source in given), encoding="utf-8")
    return with_proxies(
        rootfs.command(
            task.suite,
            str(task.tar),
            mode=mode,
            sources=str(listing) if given else None,
            apt_options=_apt_options(task.env),
            hook=Path(rootfs.MERGED_USR).is_dir(),
        ),
        task.env,
    )


def _is_own(task: _Task, here: packages.Distribution) -> bool:
    return task.suite == here.codename


def _apt_options(env: Mapping[str, str]) -> tuple[str, ...]:
    wanted = tuple(f"{name} " for name in _APT_SETTINGS)
    dump = run(("apt-config", "dump", *_APT_SETTINGS), env=env)
    return tuple(line for line in dump.lines if dump.code == 0 and line.startswith(wanted))


def _reason(ended: Ended) -> str:
    """The first error of apt's or mmdebstrap's, which leads to the others."""
    errors = [line.removeprefix("E: ") for line in ended.lines if line.startswith("E: ")]
    return (errors[0] if errors else ended.reason).rstrip(".")


# --- the image -------------------------------------------------------------------------------


def _import(engine: Engine, task: _Task) -> ImageReference:
    with task.tar.open("rb") as tar:
        contents = rootfs.read(tar)
    _check_architecture(engine, contents)
    reference = rootfs.reference(task.suite, contents)
    before = engine.inspect_image(str(reference))
    with task.tar.open("rb") as tar:
        image_id = engine.import_image(tar, changes=rootfs.changes(task.suite, contents))
    engine.tag_image(image_id, reference)
    _remove_untagged(engine, before, image_id)
    task.say(f"made {reference} ({rootfs.digest(task.suite, contents)})")
    return reference


def _check_architecture(engine: Engine, contents: rootfs.Contents) -> None:
    wanted = engine.version().arch
    if wanted != contents.platform_architecture:
        raise BaseImageError(
            f"the base image is made for {contents.platform_architecture}, "
            f"and the engine runs {wanted}",
            hint=Hint("make the base image on the engine's machine", check="engine.os"),
        )


def _remove_untagged(engine: Engine, before: Mapping[str, Any] | None, now: str) -> None:
    """Remove the image that lost its name to the new one; one that is in use stays."""
    old = str((before or {}).get("Id") or now)
    if old == now or (engine.inspect_image(old) or {"RepoTags": [old]})["RepoTags"]:
        return
    with contextlib.suppress(EngineRefusedError):
        engine.remove_image(old)
