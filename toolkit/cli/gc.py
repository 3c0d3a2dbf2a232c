"""`toolkit gc`: remove what killed processes have left."""

from __future__ import annotations

import json

import click

from toolkit.cli.ps import described
from toolkit.engine import Engine, connect
from toolkit.errors import EngineRefusedError
from toolkit.lifecycle import Belonging, remove, survey


@click.command(epilog="Example: toolkit gc --dry-run")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def gc(*, dry_run: bool, as_json: bool) -> None:
    """Remove containers, networks and volumes of ours whose owner is proven dead.

    What is used, what is kept, and whatever belongs to somebody else is left alone. Each start of a
    container does the same beforehand.
    """
    with connect() as engine:
        dead = [pair for pair in survey(engine) if pair[1].standing == "dead"]
        refusals = ["" if dry_run else _refused(engine, belonging) for belonging, _ in dead]
    done = [pair for pair, why in zip(dead, refusals, strict=True) if not why]
    stayed = [(pair, why) for pair, why in zip(dead, refusals, strict=True) if why]
    if as_json:
        key = "would_remove" if dry_run else "removed"
        found = {
            key: [described(*pair) for pair in done],
            "stayed": [{**described(*pair), "why": why} for pair, why in stayed],
        }
        click.echo(json.dumps(found, indent=2))
        return
    for belonging, verdict in done:
        word = "would remove" if dry_run else "removed"
        click.echo(f"{word} {belonging.kind} {belonging.name}: {verdict.reason}")
    for (belonging, _), why in stayed:
        click.echo(f"{belonging.kind} {belonging.name} stays: {why}", err=True)
    if not dead:
        click.echo("nothing is left over", err=True)


def _refused(engine: Engine, belonging: Belonging) -> str:
    """Remove it; says why it stays, such as a volume in use, which is no fault."""
    try:
        remove(engine, belonging)
    except EngineRefusedError as error:
        return error.message
    return ""
