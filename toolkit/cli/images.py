"""`toolkit images`: the images that were built, what is in them, and their removal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

import click

from toolkit.cli import printable
from toolkit.cli._figures import age, amount, duration, table
from toolkit.engine import connect
from toolkit.images import Built, Judged, Pruned, listed
from toolkit.images import prune as remove

VERSION: Final = 1
"""Of the JSON documents; raised when a reader would have to change."""

_HEADS: Final = ("NAME", "DEPENDENCIES", "BASE", "SIZE", "AGE", "USED BY")
_SHOWN: Final = 3
_JSON: Final = "Print one JSON document and nothing else."


def _seconds(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    """What --older says, in seconds."""
    try:
        return None if text is None else duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


class _PruneOptions(TypedDict):
    older: float | None
    keep: int | None
    names: tuple[str, ...]
    dry_run: bool
    as_json: bool


@click.group(invoke_without_command=True, epilog="Example: toolkit images --json")
@click.option("--json", "as_json", is_flag=True, help=_JSON)
@click.pass_context
def images(context: click.Context, *, as_json: bool) -> None:
    """List the images of ours that this engine has.

    An image is ours under the name that its digest implies. What was built FROM one of ours carries
    its labels and is not in the list. USED BY are the containers that were made from it, whether
    they run or not.
    """
    if context.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError(f"Put --json after {context.invoked_subcommand}.", context)
        return
    with connect() as engine:
        found = listed(engine)
    if as_json:
        _print({"images": [as_dict(each) for each in found]})
        return
    for line in table([_HEADS, *map(_row, found)], right=(3,)):
        click.echo(line)


@images.command(epilog="Example: toolkit images prune --older 30d --keep 5 --dry-run")
@click.option(
    "--older", metavar="AGE", callback=_seconds, help="Only images that are older: 30d, 12h, 1w2d."
)
@click.option(
    "--keep", type=click.IntRange(min=0), metavar="N", help="Keep the newest N of each name."
)
@click.option("--name", "names", multiple=True, metavar="NAME", help="Only toolkit/NAME:...")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help=_JSON)
@click.pass_context
def prune(context: click.Context, /, **options: Unpack[_PruneOptions]) -> None:
    """Remove images of ours that are old, or that newer ones of their name have replaced.

    With --older and --keep an image goes only where both allow it. An image from which a container
    was made stays, and so does one that has another name than ours. What builds have left without
    a name goes too, after an hour.
    """
    older, keep, dry_run = options["older"], options["keep"], options["dry_run"]
    if older is None and keep is None:
        raise click.UsageError("Say which may go, with --older or --keep.", context)
    with connect() as engine:
        pruned = remove(
            engine, older=older or 0.0, keep=keep or 0, names=options["names"], dry_run=dry_run
        )
    if options["as_json"]:
        _print(
            {
                "dry_run": dry_run,
                "removed": [as_dict(each) for each in pruned.removed],
                "stayed": [{**as_dict(each.image), "reason": each.stays} for each in pruned.stayed],
                "freed": pruned.freed,
            }
        )
        return
    _tell(pruned, dry_run=dry_run)


@images.command(epilog="Example: toolkit images inspect toolkit/env:1a2b3c4d5e6f")
@click.argument("image")
@click.option("--all", "everything", is_flag=True, help="Show every package, not the largest 20.")
@click.option(
    "--sbom",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a CycloneDX SBOM to FILE.",
)
@click.option("--lock", is_flag=True, help="Print the record of what was installed (PEP 751).")
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def inspect(*, image: str, everything: bool, sbom: Path | None, lock: bool, as_json: bool) -> None:
    """Show what is in IMAGE: its packages by size, its layers, and what it was made from.

    The image is read without running anything of it.
    """
    from toolkit.cli import _image_report
    from toolkit.images import looked_at
    from toolkit.images import sbom as bills

    if sbom is not None:
        bills.require(sbom)
    with connect() as engine:
        seen = looked_at(engine, image)
    if sbom is not None:
        bills.write(sbom, seen)
    if lock:
        click.echo(seen.contents.lock, nl=False)
        return
    if as_json:
        _print(_image_report.document(seen))
        return
    for line in _image_report.lines(seen, everything=everything):
        click.echo(line)


def as_dict(each: Built) -> dict[str, Any]:
    """An image of ours as JSON."""
    return {
        "id": each.id,
        "name": each.name,
        "references": list(each.names),
        "other_references": list(each.other_names),
        "digest": each.digest,
        "dependencies": None if each.dependencies is None else list(each.dependencies),
        "base": each.base,
        "size": each.size,
        "made": int(each.made),
        "verified": each.is_verified,
        "used_by": list(each.used_by),
    }


def shortly(dependencies: tuple[str, ...] | None) -> str:
    """The first few, and how many more there are."""
    if dependencies is None:
        return "not recorded"
    more = len(dependencies) - _SHOWN
    shown = ", ".join(dependencies[:_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown


def _row(each: Built) -> tuple[str, ...]:
    name = f"{each.title} (left by a build)" if each.is_leftover else each.title
    return (
        name,
        printable(shortly(each.dependencies)),
        printable(each.base),
        amount(each.size),
        age(time.time() - each.made),
        ", ".join(each.used_by),
    )


def _tell(pruned: Pruned, *, dry_run: bool) -> None:
    word = "would remove" if dry_run else "removed"
    for each in pruned.removed:
        old = age(time.time() - each.made)
        click.echo(f"{word} {each.title}: {amount(each.size)}, {old} old")
    for stayed in pruned.stayed:
        click.echo(_kept(stayed), err=True)
    if pruned.removed:
        click.echo(f"{'would free' if dry_run else 'freed'} {amount(pruned.freed)}")
    else:
        click.echo("nothing may go", err=True)


def _kept(stayed: Judged) -> str:
    return f"kept {stayed.image.title}: {stayed.stays}"


def _print(document: dict[str, Any]) -> None:
    click.echo(json.dumps({"version": VERSION, **document}, indent=2))
