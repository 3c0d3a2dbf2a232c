"""`toolkit gc`: remove what killed processes have left."""

from __future__ import annotations

import json

import click

from toolkit.cli.ps import described
from toolkit.engine import connect
from toolkit.lifecycle import remove, survey


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
        for belonging, verdict in dead:
            if not dry_run:
                remove(engine, belonging)
            if not as_json:
                word = "would remove" if dry_run else "removed"
                click.echo(f"{word} {belonging.kind} {belonging.name}: {verdict.reason}")
    if as_json:
        key = "would_remove" if dry_run else "removed"
        click.echo(json.dumps({key: [described(*pair) for pair in dead]}, indent=2))
    elif not dead:
        click.echo("nothing is left over", err=True)
