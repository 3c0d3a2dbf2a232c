"""How the machine's owner is asked: on a terminal, beforehand by `--yes`, or not at all."""

from __future__ import annotations

import sys

import click

from toolkit.setup.programs import Consent


def consent(*, yes: bool) -> Consent:
    """Give the question-asker for the setup commands; without a terminal the answer is no."""

    def ask(question: str) -> bool:
        if yes:
            return True
        return sys.stdin.isatty() and click.confirm(question, err=True)

    return ask


def say(line: str) -> None:
    """Tell what was done, where it does not disturb the answer."""
    click.echo(line, err=True)
