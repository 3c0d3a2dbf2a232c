"""What a build looks like: golden text of each display, and that no text of others is obeyed."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from toolkit.builder import Event, Said
from toolkit.cli._progress import showing, words
from toolkit.cli._progress.display import Display
from toolkit.cli._progress.documents import Documents
from toolkit.cli._progress.github import Groups
from toolkit.cli._progress.live import Live
from toolkit.cli._progress.plain import Plain
from toolkit.engine import PullEvent
from toolkit.engine.buildkit import (
    Road,
    RoadTaken,
    StepCompleted,
    StepFailed,
    StepLog,
    StepProgress,
    StepStarted,
    Warned,
)
from toolkit.engine.buildkit.progress import Progress
from toolkit.engine.buildkit.status import decode
from toolkit.engine.wire import JsonDecoder

CASES = Path(__file__).parent.parent / "cases"
WIDTH = 60

Golden = Callable[[str, str], None]

FROM = "[build 1/3] FROM docker.io/library/python:3-slim"
INSTALL = (
    '[build 2/3] RUN --mount=type=secret,id=ca     ["sh", "install.sh", "漢字漢字漢字漢字漢字"]'
)
APT = '[image 2/4] RUN ["sh", "apt.sh", "libgl1"]'
COPY = "[image 4/4] COPY --from=build /opt/venv /opt/venv"

# Two stages side by side, as engines send them.
STORY: tuple[Event, ...] = (
    Said("pulling the base image python:3-slim"),
    PullEvent("", "Pulling from library/python"),
    PullEvent("aaa", "Downloading", 1_500_000, 30_000_000),
    PullEvent("bbb", "Already exists"),
    PullEvent("aaa", "Pull complete"),
    PullEvent("", "Status: Downloaded newer image for python:3-slim"),
    Said("building toolkit/env:0123456789ab"),
    StepStarted("[internal] load remote build context"),
    StepCompleted("[internal] load remote build context", cached=False, seconds=0.01),
    Warned("FromAsCasing: 'as' and 'FROM' keywords' casing do not match", "https://x.example", 3),
    StepStarted(FROM),
    StepProgress(FROM, "sha256:1", 400_000, 2_000_000),
    StepProgress(FROM, "sha256:2", 999, 999),
    StepCompleted(FROM, cached=True, seconds=0.0),
    StepStarted(INSTALL),
    StepStarted(APT),
    StepLog(INSTALL, "Resolved 3 packages"),
    StepLog(APT, "Reading package lists..."),
    StepLog(APT, ""),
    StepLog(INSTALL, "\x1b[32mInstalled\x1b[0m\t漢字 and quite a lot of other things, in one line"),
    StepLog(APT, "Fetched 8 MB"),
    StepCompleted(APT, cached=False, seconds=3.25),
    StepLog(INSTALL, "done"),
    StepCompleted(INSTALL, cached=False, seconds=12.5),
    StepStarted(COPY),
    StepCompleted(COPY, cached=False, seconds=0.1),
    StepStarted("exporting to image"),
    StepProgress("exporting to image", "exporting layers", 0, 0),
    StepCompleted("exporting to image", cached=False, seconds=0.2),
    Said("verifying the image in a container without network"),
)


def told(display: Display, events: Iterable[Event], *, well: bool = True) -> None:
    for event in events:
        display(event)
    display.end(well=well)


class Clock:
    """A second an event."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal:
    """A live display of which the lines that stay and the part that moves are seen apart."""

    def __init__(self, *, width: int = WIDTH, verbose: bool = False) -> None:
        self._kept = io.StringIO()
        self._width = width
        self._clock = Clock()
        # Not a terminal, so that rich draws no frames by its own clock.
        console = Console(file=self._kept, width=width, color_system=None)
        self.live = Live(console, verbose=verbose, clock=self._clock)

    def show(self, event: Event) -> None:
        self._clock.now += 1
        self.live(event)

    @property
    def kept(self) -> str:
        return self._kept.getvalue()

    @property
    def moving(self) -> str:
        out = io.StringIO()
        Console(file=out, width=self._width, color_system=None).print(self.live)
        return out.getvalue()


def recorded(name: str) -> Iterator[Event]:
    """The events of a build by engine 20.10, as it was recorded."""
    progress = Progress()
    raw = (CASES / f"wire/build-20.10-{name}.jsonl").read_bytes()
    for item in JsonDecoder().feed(raw):
        if item.get("id") == "moby.buildkit.trace":
            yield from progress.feed(decode(base64.b64decode(item["aux"])))
    yield from progress.close()


@pytest.mark.parametrize("verbose", [False, True])
def test_plain_lines(golden: Golden, verbose: bool) -> None:
    lines: list[str] = []
    told(Plain(lines.append, verbose=verbose), STORY)
    golden(f"progress/{'verbose' if verbose else 'plain'}.txt", "".join(f"{x}\n" for x in lines))


def test_groups_of_github(golden: Golden) -> None:
    """Steps that run side by side have their groups one after the other."""
    lines: list[str] = []
    told(Groups(lines.append), STORY)
    golden("progress/github.txt", "".join(f"{line}\n" for line in lines))


def test_documents(golden: Golden) -> None:
    lines: list[str] = []
    told(Documents(lines.append), STORY)
    golden("progress/events.jsonl", "".join(f"{line}\n" for line in lines))
    assert {json.loads(line)["version"] for line in lines} == {1}


def test_a_live_display(golden: Golden) -> None:
    """What moves after each event that changes it, and what stands in the end."""
    terminal = Terminal()
    frames = []
    before = ""
    for event in STORY:
        terminal.show(event)
        if terminal.moving not in {before, "\n"}:
            before = terminal.moving
            frames.append(before)
    terminal.live.end(well=True)
    golden("progress/live.txt", "----\n".join([*frames, terminal.kept]))
    assert terminal.moving == ""


@pytest.mark.parametrize("name", ["success", "cached", "failed", "parallel", "secret"])
def test_recorded_builds_can_be_shown_in_every_way(name: str) -> None:
    """Every started group ends, every document is one, nothing is left moving."""
    events = list(recorded(name))
    lines: list[str] = []
    told(Groups(lines.append), events)
    commands = [line.partition("::")[2] for line in lines if line.startswith("::")]
    opened = [one for one in commands if one.startswith("group::")]
    assert commands == [each for one in opened for each in (one, "endgroup::")]
    lines.clear()
    told(Documents(lines.append), events)
    assert len(lines) == len(events)
    terminal = Terminal(verbose=True)
    told(terminal.live, events)
    if name == "failed":
        assert "  failed   [2/2] RUN echo " in terminal.kept
    else:
        assert "| out 1" in terminal.kept or name != "success"
    assert terminal.moving == ""


def test_what_is_done_counts_and_cached_steps_apart() -> None:
    terminal = Terminal()
    told(terminal.live, STORY)
    assert terminal.kept.splitlines()[-1] == "4 steps in 0.0 s, 1 of them cached"


def test_a_build_that_failed_has_no_summary() -> None:
    terminal = Terminal()
    told(terminal.live, [StepStarted(APT), StepFailed(APT, "exit code: 1")], well=False)
    assert terminal.kept == '  failed   [image 2/4] RUN ["sh", "apt.sh", "libgl1"]\n'


# Nothing that others say is obeyed.

HOSTILE = "\x1b[2J\x1b]0;owned\x07\r\n::error::owned\n##[group]owned [bold red]x[/] :smile: \u202e"


def hostile() -> tuple[Event, ...]:
    name = f"[image 1/1] {HOSTILE}"
    return (
        Said(HOSTILE),
        PullEvent("", HOSTILE),
        PullEvent(HOSTILE, HOSTILE, 1, 2),
        StepStarted(name),
        StepProgress(name, HOSTILE, 0, 0),
        Warned(HOSTILE, HOSTILE, 1),
        *(StepLog(name, line) for line in HOSTILE.split("\n")),
        StepLog(name, "   ::add-mask::x"),
        StepLog(name, "\u3000::add-mask::x"),
        StepLog(name, "\x1b[31m::set-output name=x::y"),
        StepLog(name, "before ##[add-mask]x"),
        StepFailed(name, HOSTILE),
    )


def inert(text: str) -> bool:
    """Whether a terminal prints it and does nothing else."""
    return all(char.isprintable() or char in "\n\t" for char in text)


@pytest.mark.parametrize("verbose", [False, True])
def test_plain_lines_are_inert(verbose: bool) -> None:
    lines: list[str] = []
    told(Plain(lines.append, verbose=verbose), hostile())
    assert all(map(inert, lines))
    assert not any("\n" in line for line in lines)


def test_documents_are_ascii_and_one_line() -> None:
    lines: list[str] = []
    told(Documents(lines.append), hostile())
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert json.loads(lines[0])["text"] == HOSTILE


def test_no_text_is_a_command_to_github() -> None:
    """The runner obeys `::` at the start of a line, after blanks, and `##[` anywhere."""
    lines: list[str] = []
    told(Groups(lines.append), hostile())
    text = "\n".join(lines)
    assert inert(text)
    obeyed = [line for line in text.split("\n") if line.strip().startswith("::")]
    assert [line.partition("::")[2].partition("::")[0] for line in obeyed] == ["group", "endgroup"]
    assert "##[" not in text


def test_a_live_display_is_inert_and_knows_no_markup() -> None:
    terminal = Terminal(verbose=True, width=500)
    for event in hostile()[:-1]:
        terminal.show(event)
    moving = terminal.moving
    terminal.show(hostile()[-1])
    for text in (moving, terminal.kept):
        assert inert(text)
        assert "[bold red]x[/] :smile:" in text


@pytest.mark.parametrize("width", range(5, 40))
def test_a_line_is_cut_at_the_width_and_wide_characters_stay_whole(width: int) -> None:
    """`漢` takes two columns; four at the right are free for what the terminal itself writes."""
    terminal = Terminal(width=width)
    terminal.show(StepStarted("[image 1/1] RUN 漢字漢字漢字漢字漢字 e\u0301e\u0301e\u0301"))
    terminal.show(StepLog("[image 1/1] RUN 漢字漢字漢字漢字漢字 e\u0301e\u0301e\u0301", "字" * 90))
    lines = terminal.moving.splitlines()
    assert len(lines) == 2
    assert max(map(cell_len, lines)) <= max(1, width - 4)
    assert set("".join(lines)) <= set("  0123456789.s[image /]RUN漢字e\u0301…|")


def test_many_steps_at_once_are_counted() -> None:
    terminal = Terminal()
    for number in range(30):
        terminal.show(StepStarted(f"[s{number} 1/1] RUN x"))
    assert len(terminal.moving.splitlines()) == 9
    assert terminal.moving.splitlines()[-1].strip() == "and 22 more"


# Which display it is.


class Stderr(io.StringIO):
    def __init__(self, *, tty: bool) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


def shown(
    monkeypatch: pytest.MonkeyPatch, tty: bool, environment: dict[str, str], **options: bool
) -> str:
    stderr = Stderr(tty=tty)
    monkeypatch.setattr(sys, "stderr", stderr)
    with showing(environment=environment, **{"quiet": False, **options}) as display:
        told(display, [Said("x"), StepStarted(APT), StepLog(APT, "y")])
        display(StepCompleted(APT, cached=False, seconds=1))
    return stderr.getvalue()


XTERM = {"TERM": "xterm-256color"}


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": ""}, {}])
def test_a_simple_terminal_gets_plain_lines(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    plain = shown(monkeypatch, tty=False, environment=XTERM)
    assert plain == f"X\n    1.0 s  {APT}\n"
    assert shown(monkeypatch, tty=True, environment=environment) == plain


def test_a_terminal_moves_and_colours_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    failing: list[Event] = [StepStarted(APT), StepFailed(APT, "x")]

    def colours(environment: dict[str, str]) -> set[str]:
        stderr = Stderr(tty=True)
        monkeypatch.setattr(sys, "stderr", stderr)
        with showing(quiet=False, environment=environment) as display:
            told(display, failing)
        assert "\x1b[2K" in stderr.getvalue()
        return set(re.findall(r"\x1b\[[\d;]*3\d[\d;]*m", stderr.getvalue()))

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colours(XTERM) != set()
    assert colours({**XTERM, "NO_COLOR": "1"}) == set()


def test_a_runner_and_a_program_are_told_in_their_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    github = {**XTERM, "GITHUB_ACTIONS": "true"}
    assert shown(monkeypatch, tty=True, environment=github).startswith("X\n::group::[image 2/4]")
    told_json = shown(monkeypatch, tty=True, environment=github, as_json=True)
    assert [json.loads(line)["event"] for line in told_json.splitlines()] == [
        "said",
        "step-started",
        "step-log",
        "step-completed",
    ]
    assert shown(monkeypatch, tty=True, environment=github, as_json=True, quiet=True) == ""


def test_a_display_ends_whatever_ends_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor is never hidden, so that a killed process leaves it as well."""
    stderr = Stderr(tty=True)
    monkeypatch.setattr(sys, "stderr", stderr)

    def interrupted() -> None:
        with showing(quiet=False, environment=XTERM) as display:
            display(StepStarted(APT))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    text = stderr.getvalue()
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")
    assert "steps in" not in text
    with showing(quiet=False, environment=XTERM) as display:
        display(StepStarted(APT))
        text = stderr.getvalue()
        assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")
        display.rest()
        assert sys.stderr is stderr  # a question can be asked


def test_a_build_with_nothing_to_do_loads_no_rich() -> None:
    script = (
        "import sys\n"
        "sys.stderr.isatty = lambda: True\n"
        "from toolkit.cli import build_image\n"
        "from toolkit.builder import Said\n"
        "from toolkit.cli._progress import showing\n"
        "with showing(quiet=False, environment={'TERM': 'xterm'}) as display:\n"
        "    display(Said('reused x: nothing to do'))\n"
        "print(sorted({'rich', 'h2', 'jinja2', 'toolkit.engine.buildkit'} & set(sys.modules)))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("[]\n", "Reused x: nothing to do\n")


def test_the_road_is_told_with_what_is_lost_by_it() -> None:
    assert words.road(RoadTaken(Road("grpc"))) == "  by the road `grpc`"
    said = words.road(RoadTaken(Road("build", ("one thing is lost", "and another"))))
    assert said == "  by the road `build`: one thing is lost; and another"
    assert words.road(Said("no road")) is None
