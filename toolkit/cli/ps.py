"""`toolkit ps`: what is there of ours, and whose it is."""

from __future__ import annotations

import json
import time
from typing import Any, Final

import click

from toolkit import labels as label
from toolkit.cli._figures import age, table
from toolkit.engine import connect
from toolkit.lifecycle import Belonging, Verdict, survey

_HEADS: Final = ("NAME", "STATE", "AGE", "IMAGE", "STANDING")


@click.command(epilog="Example: toolkit ps --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def ps(*, as_json: bool) -> None:
    """List the containers of ours, and how they stand.

    `used`: the process that started it lives. `kept`: it was asked to stay. `dead`: its process is
    gone; the next start removes it, or `toolkit gc`. `unknown`: its process is on another machine
    or in another container, and cannot be looked for from here.
    """
    with connect() as engine:
        found = [pair for pair in survey(engine, kinds=("container",)) if _is_ours(pair[1])]
    if as_json:
        click.echo(json.dumps({"containers": [described(*pair) for pair in found]}, indent=2))
        return
    for line in table([_HEADS, *(_row(*pair) for pair in found)]):
        click.echo(line)


def described(belonging: Belonging, verdict: Verdict) -> dict[str, Any]:
    """Something of ours as JSON."""
    created = belonging.labels[label.CREATED]
    return {
        "kind": belonging.kind,
        "id": belonging.id,
        "name": belonging.name,
        "state": belonging.state or None,
        "image": belonging.image or None,
        "role": belonging.labels.get(label.ROLE),
        "created": int(created) if created.isdecimal() else None,
        "standing": verdict.standing,
        "reason": verdict.reason,
    }


def _is_ours(verdict: Verdict) -> bool:
    return verdict.standing != "foreign"


def _row(belonging: Belonging, verdict: Verdict) -> tuple[str, ...]:
    created = belonging.labels[label.CREATED]
    old = age(time.time() - int(created)) if created.isdecimal() else ""
    standing = f"{verdict.standing}: {verdict.reason}"
    return belonging.name, belonging.state, old, belonging.image, standing
