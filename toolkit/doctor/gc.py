"""Judgements on what of ours is about: what killed processes left, and what was kept."""

from __future__ import annotations

import shlex

from toolkit.doctor.check import Finding, Fix
from toolkit.doctor.facts import Belongings, Files
from toolkit.doctor.scenes import Tether


def containers(seen: Belongings) -> Finding:
    """gc.containers."""
    data = {name: list(getattr(seen, name)) for name in ("dead", "running", "stopped", "unknown")}
    if seen.dead:
        return Finding(
            f"left over from processes that are gone: {', '.join(seen.dead)}",
            problem="warn",
            why=f"Their owners are proven dead{_since(seen.oldest)}; the next start of a container "
            "removes them, too.",
            fix=Fix("remove them", ("toolkit gc",), auto=True),
            data=data,
        )
    names = [*seen.running, *seen.stopped]
    if not names:
        said = f"; {', '.join(seen.unknown)} may be in use elsewhere" if seen.unknown else ""
        return Finding(f"nothing is left over{said}", data=data)
    states = (("running", seen.running), ("stopped", seen.stopped))
    said = "; ".join(f"{word}: {', '.join(found)}" for word, found in states if found)
    return Finding(
        f"kept as it was asked, {said}",
        problem="info",
        why="They were started with stop_container=False or auto_remove=False, and nobody ends "
        "them but you.",
        fix=Fix(
            "remove those that are not needed any more",
            (f"docker rm -f {' '.join(map(shlex.quote, names))}",),
        ),
        data=data,
    )


def _since(seconds: float) -> str:
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f", and the oldest has been there for {seconds / unit:.0f} {name}"
    return ""


def volumes(seen: Belongings) -> Finding:
    """gc.volumes."""
    data = {"dead": list(seen.dead_stores), "kept": list(seen.kept_stores)}
    if seen.dead_stores:
        return Finding(
            f"left over from processes that are gone: {', '.join(seen.dead_stores)}",
            problem="warn",
            why="Their owners are proven dead; the next start of a container removes them, too.",
            fix=Fix("remove them", ("toolkit gc",), auto=True),
            data=data,
        )
    if seen.kept_stores:
        return Finding(f"kept as it was asked: {', '.join(seen.kept_stores)}", data=data)
    return Finding("nothing is left over", data=data)


def files(seen: Files) -> Finding:
    """gc.files."""
    data = {"folders": list(seen.folders), "proofs": list(seen.proofs), "others": seen.others}
    if seen.others:
        folder = shlex.quote(seen.work_dir)
        return Finding(
            f"{seen.others} of the files in {seen.work_dir} are not yours",
            problem="warn",
            why=f"{seen.work_dir} has files of another user, such as {seen.example}: code that ran "
            "as another user made them, and you may not be able to change them.",
            fix=Fix("make them yours", (f"sudo chown -R $(id -u):$(id -g) {folder}",), auto=True),
            data=data,
        )
    stale = [*seen.folders, *seen.proofs]
    if not stale:
        return Finding("no file is left over", data=data)
    return Finding(
        f"files are left over from processes that are gone: {len(stale)}",
        problem="info",
        why=f"{', '.join(stale)}: whoever made them is gone. The next executor removes the folders "
        "of dead processes.",
        fix=Fix("remove them", tuple(f"rm -rf {shlex.quote(path)}" for path in stale), auto=True),
        data=data,
    )


def tether(seen: Tether) -> Finding:
    """gc.tether."""
    data = {"seconds": seen.seconds}
    if seen.untried:
        return Finding(seen.untried, skipped=True, data=data)
    if not seen.lasted:
        return Finding(f"a container was gone {seen.seconds:.1f} s after its owner", data=data)
    return Finding(
        "a container outlives the process that started it",
        problem="warn",
        why="A process that had a container was killed, and the container was still there later: "
        "something on the way to the engine keeps the connection open.",
        fix=Fix("give containers a time to live, or reach the engine without that proxy"),
        data=data,
    )
