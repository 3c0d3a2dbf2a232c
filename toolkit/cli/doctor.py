"""`toolkit doctor`: words, flags and doctor's own exit codes (0, 1, 2 usage, 3 it crashed)."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypedDict, Unpack

import click

from toolkit.cli import report as told
from toolkit.cli._output import OutputError
from toolkit.cli.consent import consent, say
from toolkit.doctor import CHECKS, Hands, Question, Report, diagnose, mend, text
from toolkit.doctor.check import Status
from toolkit.engine.endpoint import home_folder
from toolkit.errors import SpecError
from toolkit.image import DEFAULT_VARIABLE

CRASHED: Final = 3
_COLOURS: Final[dict[Status, str]] = {
    "ok": "green",
    "warn": "yellow",
    "fail": "red",
    "skip": "cyan",
    "crash": "magenta",
}


class _Options(TypedDict):
    listing: bool
    only: tuple[str, ...]
    skip: tuple[str, ...]
    work_dir: Path | None
    bind_dir: str | None
    image: str | None
    deps: tuple[Path, ...]
    deep: bool
    offline: bool
    fix: bool
    dry_run: bool
    yes: bool
    strict: bool
    as_json: bool
    verbose: bool


@click.command(epilog="Example: toolkit doctor --check endpoint --json")
@click.option("--list", "listing", is_flag=True, help="List the checks and make none.")
@click.option("--check", "only", multiple=True, metavar="ID", help="Only this check or group.")
@click.option("--skip", multiple=True, metavar="ID", help="All but this check or group.")
@click.option(
    "--work-dir",
    type=click.Path(path_type=Path, readable=False),
    help="The work directory to look at.",
)
@click.option(
    "--bind-dir",
    metavar="PATH",
    help="What the work directory is on the engine's host, to be proven.",
)
@click.option(
    "--image",
    envvar=DEFAULT_VARIABLE,
    show_envvar=True,
    metavar="NAME",
    help="The image to look for.",
)
@click.option(
    "--deps",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A dependency file that the image is made from.",
)
@click.option("--deep", is_flag=True, help="Make the checks that take their time, too.")
@click.option("--offline", is_flag=True, help="Ask nobody but the engine.")
@click.option("--fix", is_flag=True, help="Mend what can safely be mended, and look again.")
@click.option("--dry-run", is_flag=True, help="With --fix: say what would be done, and do nothing.")
@click.option("-y", "--yes", is_flag=True, help="With --fix: do not ask.")
@click.option("--strict", is_flag=True, help="Exit 1 for a warning, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("-v", "--verbose", is_flag=True, help="Show what is well, and all data.")
@click.pass_context
def doctor(context: click.Context, /, **options: Unpack[_Options]) -> None:
    """Say what is wrong with the Docker set-up, and how to mend it.

    Nothing is changed and nothing is pulled, but by --fix. Exit code 0: no failure; 1: at least
    one; 3: doctor itself crashed. A problem in a check that was named with --check is a failure.
    """
    try:
        code = _run(options)
    except (click.UsageError, BrokenPipeError):
        raise
    except OutputError as error:
        told(error)
        code = CRASHED
    except Exception:  # noqa: BLE001 - doctor's own crash has an exit code of its own
        traceback.print_exc()
        code = CRASHED
    context.exit(code)


def _run(options: _Options) -> int:
    if options["listing"]:
        _echo(text.listing(CHECKS))
        return 0
    question = Question(
        env=os.environ,
        home=home_folder(os.environ),
        work_dir=options["work_dir"],
        image=options["image"],
        bind_dir=options["bind_dir"],
        deps=options["deps"],
        deep=options["deep"],
        offline=options["offline"],
    )
    if (options["dry_run"] or options["yes"]) and not options["fix"]:
        raise click.UsageError("--dry-run and --yes are about --fix")
    try:
        report = diagnose(question, only=options["only"], skip=options["skip"])
    except SpecError as error:
        raise click.UsageError(f"{error}; {error.hint}") from error
    if options["fix"]:
        hands = Hands(consent(yes=options["yes"]), say, dry_run=options["dry_run"])
        if mend(report, question, hands):
            report = diagnose(question, only=options["only"], skip=options["skip"])
    if options["as_json"]:
        click.echo(json.dumps(report.document(), indent=2, default=str))
    else:
        _echo(text.lines(report, _manner(verbose=options["verbose"])))
    return _exit_code(report, strict=options["strict"])


def _exit_code(report: Report, *, strict: bool) -> int:
    return int(report.status == "fail" or (strict and report.status == "warn"))


def _manner(*, verbose: bool) -> text.Manner:
    terminal = sys.stdout.isatty()
    unicode = terminal and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    coloured = terminal and not os.environ.get("NO_COLOR")

    def paint(status: Status, glyph: str) -> str:
        return click.style(glyph, fg=_COLOURS[status]) if coloured else glyph

    return text.Manner(verbose, text.UNICODE if unicode else text.ASCII, paint)


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
