"""Judgements on what of ours is on the engine: what killed processes left, and what was kept."""

from __future__ import annotations

import shlex

from toolkit.doctor.check import Finding, Fix
from toolkit.doctor.facts import Belongings


def left(seen: Belongings) -> Finding:
    """containers.left."""
    if not seen.dead:
        return Finding("nothing is left over")
    return Finding(
        f"left over from processes that are gone: {', '.join(seen.dead)}",
        problem="warn",
        why="Their owners are proven dead; the next start of a container removes them, too.",
        fix=Fix("remove them", ("toolkit gc",)),
        data={"dead": list(seen.dead)},
    )


def kept(seen: Belongings) -> Finding:
    """containers.kept."""
    names = [*seen.running, *seen.stopped]
    data = {"running": list(seen.running), "stopped": list(seen.stopped)}
    if not names:
        return Finding("no container is kept", data=data)
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
