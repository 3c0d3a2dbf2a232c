"""`toolkit init`: the questions, and where the answers are written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, Unpack

import click
from click.core import ParameterSource

from toolkit.cli._spec_options import WishOptions, wish_options, wished
from toolkit.errors import SpecError
from toolkit.spec import Wishes, writing

_FILES: Final = ("requirements.txt", "requirements.in", "pyproject.toml")
"""What is taken for the dependency file, where nothing else is said."""


class _Options(WishOptions):
    output: Path
    force: bool


@click.command(epilog="Example: toolkit init --deps requirements.txt --apt libgl1")
@wish_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="image.toml",
    show_default=True,
    metavar="FILE",
    help="The file to write.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.pass_context
def init(context: click.Context, /, **options: Unpack[_Options]) -> None:
    """Write an image.toml to begin with, every key with a comment.

    It says what the options say. Without any, it asks where there is a terminal, and else takes the
    dependency file of the current folder. Prints the file's name.
    """
    output = options["output"]
    if output.exists() and not options["force"]:
        raise SpecError(
            f"{output} exists already", hint="name another with --output, or add --force"
        )
    if context.get_parameter_source("base") is ParameterSource.ENVIRONMENT:
        options["base"] = None  # which is this machine's, not the project's
    wishes = wished(options)
    if not wishes.values:
        wishes = Wishes.read(_asked() if sys.stdin.isatty() else _found())
    text = writing.commented(wishes, output.parent)
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SpecError(
            f"{output} cannot be written: {error.strerror}", hint="name another with --output"
        ) from error
    click.echo(output)


def _found() -> dict[str, list[str]]:
    """What the current folder says."""
    there = [name for name in _FILES if Path(name).is_file()]
    return {"deps": there[:1]} if there else {}


def _asked() -> dict[str, object]:
    """What the user says; nothing is a good answer to all of it."""

    def ask(question: str, default: str = "") -> str:
        shown = bool(default)
        return str(click.prompt(question, default, show_default=shown, err=True)).strip()

    guess = " ".join(_found().get("deps", ()))
    answers: dict[str, object] = {
        "deps": ask("Dependency files", guess).split(),
        "packages": ask("Packages besides").split(),
        "name": ask("Name of the image", "env"),
        "python": ask("Python, such as 3.12"),
        "apt": ask("Debian packages").split(),
    }
    return {key: answer for key, answer in answers.items() if answer}
