"""What the command line says of itself: help, version, suggestions, completion."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from toolkit import __version__
from toolkit.cli import COMMANDS, main

README = Path(__file__).parents[2] / "README.md"
SECTION = re.compile(r"(?<=<!-- help -->\n).*?(?=<!-- /help -->)", re.DOTALL)
WIDTH = 78


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="toolkit", terminal_width=WIDTH)


def commands(group: click.Group = main, *above: str) -> Iterator[tuple[str, ...]]:
    """Every command as the words that call it, groups before what is in them."""
    yield above
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        else:
            yield (*above, name)


ALL = tuple(commands())
# Not groups which do nothing by themselves.
ACTING = [words for words in ALL if words not in {(), ("engine",), ("spec",)}]
# What has nothing to choose.
PLAIN = [("spec", "schema")]


def reference() -> str:
    """The help of every command as one section of Markdown."""
    parts = []
    for words in ALL:
        result = run(*words, "--help")
        assert (result.exit_code, result.stderr) == (0, "")
        parts.append(
            f"\n```text\n$ {' '.join(('toolkit', *words, '--help'))}\n{result.stdout}```\n"
        )
    return "".join(parts)


def test_the_readme_has_the_help_of_every_command(pytestconfig: pytest.Config) -> None:
    """The one golden copy: a change of an option is seen, read and committed with the README."""
    text = README.read_text(encoding="utf-8")
    made = SECTION.sub(lambda _: reference() + "\n", text)
    if pytestconfig.getoption("--golden"):
        README.write_text(made, encoding="utf-8")
        return
    assert made == text, "run `make golden` and read the diff of README.md"


def test_the_commands_are_these() -> None:
    assert [" ".join(words) for words in ALL] == [
        "",
        "attach",
        "base-image",
        "build-image",
        "catalog",
        "doctor",
        "engine",
        "engine start",
        "gc",
        "images",
        "images inspect",
        "images prune",
        "init",
        "lock",
        "ps",
        "pull-image",
        "push-image",
        "render",
        "run",
        "spec",
        "spec schema",
        "spec show",
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_says(name: str) -> None:
    """The list is kept apart so that it loads quickly; each line is a sentence."""
    line = COMMANDS[name][1]
    assert line.endswith(".")
    assert line in run("--help").stdout
    assert run(name, "--help").exit_code == 0


@pytest.mark.parametrize("words", ACTING, ids=" ".join)
def test_every_command_shows_an_example_that_calls_it(words: tuple[str, ...]) -> None:
    text = " ".join(run(*words, "--help").stdout.split())
    assert f"Example: {' '.join(('toolkit', *words))}" in text


@pytest.mark.parametrize("words", ACTING, ids=" ".join)
def test_every_option_is_explained(words: tuple[str, ...]) -> None:
    """An option without help is one that nobody uses."""
    command: click.Command | None = main
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert bool(options) != (words in PLAIN)
    assert [each.name for each in options if not each.help] == []


def test_help_has_a_short_form() -> None:
    assert run("-h").stdout == run("--help").stdout


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_the_packages_own(option: str) -> None:
    result = run(option)
    assert (result.exit_code, result.stdout) == (0, f"toolkit, version {__version__}\n")


def test_no_command_is_a_question_and_not_an_error_of_ours() -> None:
    """It prints the help; the exit code is click's for wrong use."""
    result = run()
    assert result.exit_code == 2
    assert "Commands:" in result.output


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("build", "build-image"), ("rn", "run"), ("docter", "doctor"), ("base_image", "base-image")],
)
def test_a_misspelt_command_is_a_usage_error_with_a_suggestion(typed: str, meant: str) -> None:
    result = run(typed)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.endswith(f"No such command '{typed}'. Did you mean '{meant}'?\n")


def test_a_command_like_no_other_has_no_suggestion() -> None:
    result = run("xyzzy")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        2,
        "Error: No such command 'xyzzy'.",
    )


def test_a_misspelt_option_is_a_usage_error_with_a_suggestion() -> None:
    result = run("build-image", "--dep", "requirements.txt")
    assert result.exit_code == 2
    assert re.search(r"No such option.*'?--dep'?.*Did you mean.*--deps", result.stderr)


def test_an_option_that_is_missing_is_a_usage_error() -> None:
    result = run("build-image")
    assert result.exit_code == 2
    assert (
        "Give an image of the catalogue, --spec FILE, --deps FILE or --with PACKAGE."
        in result.stderr
    )


def complete(typed: str) -> list[str]:
    """What a shell is told when the tab key is pressed after `toolkit TYPED`."""
    words = f"toolkit {typed}"
    environment = {
        **os.environ,
        "_TOOLKIT_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    script = "from toolkit.cli import main; main(prog_name='toolkit')"
    ended = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.stderr == ""
    return [line.partition(",")[2] for line in ended.stdout.splitlines()]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("b", ["base-image", "build-image"]),
        ("engine ", ["start"]),
        ("run --pro", ["--profile"]),
        ("run --profile st", ["standard", "strict"]),
        ("build-image --exp", ["--explain"]),
    ],
)
def test_a_shell_completes(typed: str, offered: list[str]) -> None:
    """Click's own completion finds commands that are loaded when they are called."""
    assert complete(typed) == offered


def test_the_module_is_the_program() -> None:
    """`python -m toolkit` is the command where its script is not on the PATH."""
    command = [sys.executable, "-m", "toolkit", "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, f"toolkit, version {__version__}\n")


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_closed_stream_changes_no_exit_code(tmp_path: Path, closed: str) -> None:
    """Python has None for it, and the next file that is opened gets its number."""
    (tmp_path / "requirements.txt").write_text("six\n")
    words = [sys.executable, "-m", "toolkit", "build-image", "--deps", "requirements.txt"]
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *words],
        cwd=tmp_path,
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, "Traceback" in ended.stderr) == (5, False)


def test_quiet_and_verbose_are_not_both_meant() -> None:
    """Neither overrules the other without a word, and that comes before any file is read."""
    words = ["build-image", "-q", "-v", "--deps", "nowhere.txt"]
    ended = subprocess.run(
        [sys.executable, "-m", "toolkit", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.endswith("\nError: Give either --quiet or --verbose.\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [("--help", 1), ("--version", 1), ("images --help", 1), ("doctor --list", 3)],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_standard_output_is_an_error_and_no_traceback(
    words: str, code: int, unbuffered: str
) -> None:
    """Python would complain at its end as well, of what it still holds for it."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "toolkit", *words.split()],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.stderr == (
        "error: standard output cannot be written: No space left on device\n"
        "hint: make room where it goes, or send it elsewhere\n"
    )
    assert ended.returncode == code
