"""Judgements on the configured image: is it here, for this engine, whole and not out of date."""

from __future__ import annotations

import shlex
from typing import Final

from toolkit.doctor.check import Finding, Fix
from toolkit.doctor.facts import ImageSeen, Orphans, Stale
from toolkit.doctor.scenes import Sibling

_BUILD: Final = "toolkit build-image --deps requirements.txt"


def present(seen: ImageSeen) -> Finding:
    """image.present."""
    if seen.name is None:
        return Finding("no image was asked for; name one with --image", skipped=True)
    name = shlex.quote(seen.name)
    data = {"name": seen.name, "id": seen.id, "platform": seen.platform, "size": seen.size}
    if seen.error is not None:
        return Finding(
            seen.error,
            problem="warn",
            why=f"{seen.error}.",
            fix=Fix("correct the name of the image"),
            data=data,
        )
    if seen.id is None:
        return Finding(
            f"{seen.name} is not on this engine",
            problem="warn",
            why=f"The engine has no image {seen.name}, and doctor pulls nothing.",
            fix=_obtain(seen.name, name, seen.files),
            data=data,
        )
    if seen.platform != seen.engine:
        return Finding(
            f"{seen.name} is for {seen.platform}, the engine runs {seen.engine}",
            problem="error",
            why=f"{seen.name} ({seen.id}) is for {seen.platform}; on {seen.engine} it runs under "
            "emulation or not at all.",
            fix=Fix("get it for this engine", (f"docker pull --platform {seen.engine} {name}",)),
            data=data,
        )
    return Finding(
        f"{seen.name}, {seen.size / 1e6:.0f} MB, made {seen.created[:10]}",
        data={**data, "created": seen.created, "digest": seen.digest},
    )


def _obtain(written: str, quoted: str, files: tuple[str, ...]) -> Fix:
    if written.startswith("toolkit/base:"):
        return Fix("make the base image", ("toolkit base-image",), auto=True)
    if written.startswith("toolkit/"):
        # Without its files nobody can; with them, but for other options that it was built with.
        return Fix("build it", (_build(files),), auto=bool(files))
    return Fix("pull it", (f"docker pull {quoted}",), auto=True)


def contents(seen: Sibling) -> Finding:
    """image.contents."""
    data = {"image": seen.image, "python": seen.python, "programs": dict(seen.programs)}
    if seen.untried:
        return Finding(seen.untried, skipped=True, data=data)
    missing = [name for name in ("sh", "cat", "timeout") if not seen.programs.get(name)]
    if seen.error:
        return Finding(
            f"{seen.image} does not start as an executor's container",
            problem="error",
            why=f"{seen.error}.",
            fix=Fix(seen.hint or "build it with our template", (_BUILD,)),
            data=data,
        )
    if missing:
        return Finding(
            f"{seen.image} has no {', no '.join(missing)}",
            problem="error",
            why=f"{seen.image} starts, and {', '.join(missing)} is not on its PATH: blocks of "
            "shell need it.",
            fix=Fix("build it with our template", (_BUILD,)),
            data=data,
        )
    if not seen.programs.get("python"):
        return Finding(
            f"{seen.image} has no `python`; `python3` runs the blocks",
            problem="info",
            why=f"{seen.image} has Python {seen.python} by the name python3 only.",
            fix=Fix("build it with our template, if code calls python", (_BUILD,)),
            data=data,
        )
    answered = f", answering {seen.milliseconds} ms after its start" if seen.milliseconds else ""
    return Finding(
        f"{seen.image} runs Python {seen.python}, and has sh, cat, timeout{answered}", data=data
    )


def stale(seen: Stale) -> Finding:
    """image.stale."""
    data = {"name": seen.name, "newer": seen.newer, "base": seen.base}
    if seen.name is None:
        return Finding("no image was asked for; name one with --image", skipped=True)
    if not seen.ours:
        return Finding(f"{seen.name} is not one that the toolkit has built", data=data)
    why = ""
    if not seen.verified:
        why = f"{seen.name} was built with --no-verify: nobody has proven that it works."
    elif seen.changed:
        why = (
            f"{seen.name} was built from other files than {', '.join(seen.files)} are now: "
            f"{', '.join(seen.changed)} differ."
        )
    elif seen.newer:
        why = f"{seen.newer} was built later from other inputs of the same name."
    elif seen.base_moved:
        why = f"{seen.name} was built on another {seen.base} than the one that is here now."
    if not why:
        made = ", and from the files as they are now" if seen.files else ""
        return Finding(
            f"{seen.name} is the newest of its name, on the base that is here{made}", data=data
        )
    return Finding(
        f"{seen.name} is not what a build would give now",
        problem="warn",
        why=why,
        fix=Fix("build it again; what has changed is told", (f"{_build(seen.files)} --explain",)),
        data=data,
    )


def _build(files: tuple[str, ...]) -> str:
    return (
        f"toolkit build-image --deps {' --deps '.join(map(shlex.quote, files))}"
        if files
        else _BUILD
    )


def orphans(seen: Orphans) -> Finding:
    """image.orphans."""
    data = {"images": list(seen.names), "size": seen.size}
    if not seen.names:
        return Finding("no image of ours is superfluous", data=data)
    return Finding(
        f"{len(seen.names)} images of ours are superfluous: {', '.join(seen.names[:5])}",
        problem="info",
        why=f"Builds have left them, or newer ones of their names are here; they have "
        f"{seen.size / 1e6:.0f} MB, some of it shared.",
        fix=Fix("look what would go, and remove it", ("toolkit images prune --keep 1 --dry-run",)),
        data=data,
    )
