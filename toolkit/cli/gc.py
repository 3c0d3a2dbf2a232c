"""`toolkit gc`: remove what killed processes have left."""

from __future__ import annotations

import json
from typing import Any

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
    done: list[dict[str, Any]] = []
    stayed: list[dict[str, Any]] = []
    with connect() as engine:
        dead = [pair for pair in survey(engine) if pair[1].standing == "dead"]
        for belonging, verdict in dead:
            why = "" if dry_run else _refused(engine, belonging)
            found = described(belonging, verdict)
            if why:
                stayed.append({**found, "why": why})
            else:
                done.append(found)
            if not as_json:  # at once: an engine that goes in the midst takes no word back
                _tell(belonging, verdict.reason, why, dry_run=dry_run)
    if as_json:
        key = "would_remove" if dry_run else "removed"
        click.echo(json.dumps({key: done, "stayed": stayed}, indent=2))
    elif not dead:
        click.echo("nothing is left over", err=True)


def _tell(belonging: Belonging, reason: str, why: str, *, dry_run: bool) -> None:
    what = f"{belonging.kind} {belonging.name}"
    if why:
        click.echo(f"{what} stays: {why}", err=True)
    else:
        click.echo(f"{'would remove' if dry_run else 'removed'} {what}: {reason}")


def _refused(engine: Engine, belonging: Belonging) -> str:
    """Remove it; says why it stays, such as a volume in use, which is no fault."""
    try:
        remove(engine, belonging)
    except EngineRefusedError as error:
        return error.message
    return ""
