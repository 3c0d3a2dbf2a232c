"""A build on a terminal: what is done stands as lines, what runs now moves below them.

Hidden here: rich, its thread, and that the engine's texts are never its markup. Only the moving
part is drawn anew, a few lines a step, cut to the width of the moment; so a terminal that changes
its size, or a build that ends in any way, finds plain lines above it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.constrain import Constrain
from rich.live import Live as Moving
from rich.text import Text

from toolkit.builder import Event, Said
from toolkit.cli import printable
from toolkit.cli._progress import words
from toolkit.cli._progress.display import Display
from toolkit.engine import PullEvent
from toolkit.engine.buildkit import (
    StepCompleted,
    StepFailed,
    StepLog,
    StepProgress,
    StepStarted,
    Warned,
)

_PER_SECOND: Final = 8
_MOST_STEPS: Final = 8
# Columns at the right: the terminal writes `^C` where the cursor is, and must not begin a line.
_FREE: Final = 4
_PULL: Final = "pulling"
# What the engine says of a layer that needs nothing more.
_HERE: Final = frozenset(
    {"Already exists", "Pull complete", "Download complete", "Pushed", "Layer already exists"}
)
_COUNTING: Final = frozenset({"Downloading", "Pushing"})


@dataclass(slots=True)
class _Running:
    title: str
    since: float
    last: str = ""
    # (bytes, of so many) of each part; both 0 where nothing is counted
    parts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def amount(self) -> str:
        counted = [part for part in self.parts.values() if any(part)]
        if not counted:
            return next(reversed(self.parts), "")
        known = all(total for _, total in counted)
        total = sum(total for _, total in counted) if known else 0
        return words.amount(sum(current for current, _ in counted), total)


class Live(Display):
    """The display; it starts to move with the first event that is not a sentence."""

    def __init__(
        self,
        console: Console,
        *,
        verbose: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._verbose = verbose
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._moving: Moving | None = None
        self._begun: float | None = None
        self._ran = 0
        self._cached = 0

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Said):
            self._move()
        match event:
            case StepLog(name=name, line=line):
                self._logged(name, line)
            case PullEvent(layer=layer, status=status, current=current, total=total):
                self._pulled(layer, status, (current or 0, total or 0))
            case StepStarted(name=name):
                self._start(name, words.title(name))
            case StepProgress(name=name, part=part, current=current, total=total):
                self._advanced(name, part, (current, total))
            case _:
                self._over(event)

    def rest(self) -> None:
        moving, self._moving = self._moving, None
        if moving is not None:
            moving.stop()

    def end(self, *, well: bool) -> None:
        self.rest()
        steps = self._ran + self._cached
        if well and steps and self._begun is not None:
            cached = f", {self._cached} of them cached" if self._cached else ""
            seconds = self._clock() - self._begun
            self._print(f"{steps} step{'s' * (steps != 1)} in {seconds:.1f} s{cached}", "bold")

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the moving part as it is now; rich asks for it at every line that stays."""
        with self._lock:
            shown = list(self._running.values())[:_MOST_STEPS]
            more = len(self._running) - len(shown)
            lines = [line for step in shown for line in self._step(step)]
        if more:
            lines.append(_line(f"           and {more} more", "dim"))
        yield Constrain(Group(*lines), max(1, options.max_width - _FREE))

    def _step(self, step: _Running) -> Iterable[Text]:
        yield _line(f"  {self._clock() - step.since:5.1f} s  {step.title}", "bold")
        if amount := step.amount():
            yield _line(f"           {words.last_line(amount)}", "cyan")
        if step.last:
            yield _line(f"           | {words.last_line(step.last)}", "dim")

    def _move(self) -> None:
        if self._moving is None:
            if self._begun is None:
                self._begun = self._clock()
            self._moving = Moving(
                self,
                console=self._console,
                refresh_per_second=_PER_SECOND,
                transient=True,
                redirect_stdout=False,
            )
            self._moving.start()
            # A process that is killed cannot bring back a cursor that it has hidden.
            self._console.show_cursor()

    def _start(self, name: str, title: str) -> None:
        with self._lock:
            self._running.pop(_PULL, None)
            self._running.setdefault(name, _Running(title, self._clock()))

    def _logged(self, name: str, line: str) -> None:
        with self._lock:
            step = self._running.get(name)
            if step is not None and line.strip():
                step.last = line
        if self._verbose:
            self._console.print(Text(words.logged(line), "dim"), soft_wrap=True)

    def _advanced(self, name: str, part: str, amount: tuple[int, int]) -> None:
        with self._lock:
            step = self._running.get(name)
            if step is not None:
                step.parts[part] = amount

    def _pulled(self, layer: str, status: str, amount: tuple[int, int]) -> None:
        if not layer:
            self._print(f"  {status}")
            return
        with self._lock:
            pull = self._running.setdefault(_PULL, _Running("pulling", self._clock()))
            before = pull.parts.get(layer, (0, 0))
            if status in _HERE:
                pull.parts[layer] = (before[1], before[1])
            elif status in _COUNTING:
                pull.parts[layer] = amount
            pull.last = status

    def _over(self, event: Event) -> None:
        match event:
            case Said(text=text):
                with self._lock:
                    self._running.pop(_PULL, None)
                self._console.print(Text(words.sentence(text)), soft_wrap=True)
            case StepCompleted(name=name, cached=cached, seconds=seconds):
                self._gone(name)
                self._completed(name, seconds, cached=cached)
            case StepFailed(name=name):
                self._gone(name)
                self._print(words.failed(name), "bold red")
            case Warned(text=text, url=url, line=line):
                self._console.print(Text(words.warning(text, url, line), "yellow"), soft_wrap=True)
            case _:
                if self._verbose and (said := words.road(event)):
                    self._print(said)

    def _completed(self, name: str, seconds: float, *, cached: bool) -> None:
        if words.is_instruction(name):
            self._cached += cached
            self._ran += not cached
            self._print(words.cached(name) if cached else words.done(seconds, name))

    def _gone(self, name: str) -> None:
        with self._lock:
            self._running.pop(name, None)

    def _print(self, text: str, style: str = "") -> None:
        self._console.print(_line(text, style), no_wrap=True, overflow="ellipsis")


def _line(text: str, style: str = "") -> Text:
    """One line of the terminal, cut at its width without breaking a wide character."""
    return Text(printable(text), style, no_wrap=True, overflow="ellipsis")
