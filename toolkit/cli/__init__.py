"""Words, flags and exit codes; no decision of its own.

Each command is a module that is imported when it is called, so that `toolkit --help` loads click
and nothing else. This is the one place where an error becomes text and an exit code: `error:` and
`hint:` on stderr, the family's code, 130 for an interruption, and a traceback for a bug only.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
import sys
from typing import Any, Final

import click

from toolkit import __version__
from toolkit.errors import ToolkitError

# name → (module:attribute, the first line of its help)
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "attach": ("toolkit.cli.attach:attach", "Open a shell in a running container of ours."),
    "base-image": (
        "toolkit.cli.base_image:base_image",
        "Make a base image from Debian's packages, without a registry.",
    ),
    "build-image": (
        "toolkit.cli.build_image:build_image",
        "Build a verified image from a dependency file, or reuse it.",
    ),
    "catalog": ("toolkit.cli.catalog:catalog", "List the images of the catalogue."),
    "doctor": (
        "toolkit.cli.doctor:doctor",
        "Say what is wrong with the Docker set-up, and how to mend it.",
    ),
    "engine": ("toolkit.cli.engine:engine", "Make sure that a Docker engine answers."),
    "gc": ("toolkit.cli.gc:gc", "Remove what killed processes have left."),
    "images": ("toolkit.cli.images:images", "List the images of ours that this engine has."),
    "init": ("toolkit.cli.init:init", "Write an image.toml to begin with."),
    "lock": (
        "toolkit.cli.lock:lock",
        "Write down what dependency files come to, as a lock (PEP 751).",
    ),
    "ps": ("toolkit.cli.ps:ps", "List the containers of ours, and how they stand."),
    "pull-image": ("toolkit.cli.pull_image:pull_image", "Pull an image from its registry."),
    "push-image": ("toolkit.cli.push_image:push_image", "Push an image to its registry."),
    "render": ("toolkit.cli.render:render", "Print the Dockerfile that build-image would build."),
    "run": ("toolkit.cli.run:run", "Run a program in a container."),
    "spec": ("toolkit.cli.spec:spec", "Say what an image.toml and options come to."),
}

INTERRUPTED: Final = 130
AS_JSON: Final = "toolkit.json"
"""Set in a context's `meta` by a command whose stderr is read by programs."""
LOG_LINES: Final = 40

# Colours and cursor movements (ECMA-48), as progress bars write them.
_ANSI: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*(?:\x07|\x1b\\)")


class _Commands(click.Group):
    """Loads a command when it is called, and turns errors into text and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            words = error.format_message() + _did_you_mean(args[0])
            raise click.UsageError(words, ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 - click's signature
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except ToolkitError as error:  # --help and --version print before there is a command
            report(error)
            sys.exit(error.exit_code)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ToolkitError as error:
            if ctx.obj:
                raise
            report(error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt as error:
            report(error)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            # Whoever read our output has gone; python must not complain about it at exit either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", "-V", prog_name="toolkit")
@click.option("--debug", is_flag=True, help="Show a traceback for every error.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Say which engine is used and why, and what is found."
)
@click.pass_context
def main(ctx: click.Context, *, debug: bool, verbose: bool) -> None:
    """From a dependency file to a verified container image, and code run in it.

    Example: toolkit build-image --deps requirements.txt
    """
    ctx.obj = debug
    if verbose:
        _tell(ctx)


def _tell(ctx: click.Context) -> None:
    """Print on stderr what the library notes, until the command has ended."""
    import logging

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            click.echo(printable(record.getMessage()), err=True)

    handler, logger = Lines(), logging.getLogger("toolkit")
    logger.addHandler(handler)
    ctx.call_on_close(functools.partial(logger.removeHandler, handler))
    ctx.call_on_close(functools.partial(logger.setLevel, logger.level))
    logger.setLevel(logging.INFO)


def report(error: ToolkitError | KeyboardInterrupt) -> None:
    """Print an error, a line each for all that it found, and its hint; a build's log before it."""
    context = click.get_current_context(silent=True)
    if context is not None and context.meta.get(AS_JSON):
        from toolkit.cli._progress import documents

        click.echo(documents.failure(error), err=True)
    elif isinstance(error, ToolkitError):
        from toolkit.cli import _failure

        for line in _failure.lines(error, os.environ):
            click.echo(line, err=True)
    else:
        click.echo("interrupted", err=True)


def printable(line: str) -> str:
    """A line of a foreign log without what a terminal would obey."""
    if line.isprintable():
        return line  # nearly all are, and logs are long
    return "".join(
        char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}"
        for char in _ANSI.sub("", line)
    )


def _did_you_mean(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, COMMANDS, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
