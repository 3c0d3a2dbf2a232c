"""A build as plain lines: for files, pipes and simple terminals."""

from __future__ import annotations

from collections.abc import Callable

from toolkit.builder import Event, Said
from toolkit.cli import printable
from toolkit.cli._progress import words
from toolkit.cli._progress.display import Display


class Plain(Display):
    """Sentences and finished steps; `verbose` adds every line of every step."""

    def __init__(self, write: Callable[[str], None], *, verbose: bool) -> None:
        self._write = write
        self._verbose = verbose

    def __call__(self, event: Event) -> None:
        line = self._line(event)
        if line:
            self._write(line)

    def _line(self, event: Event) -> str | None:
        if isinstance(event, Said):
            return words.sentence(event.text)
        from toolkit.engine import PullEvent
        from toolkit.engine.buildkit import StepFailed, Warned

        match event:
            case PullEvent(layer=layer, status=status):
                return None if layer else printable(f"  {status}")
            case StepFailed(name=name):
                return words.failed(name)
            case Warned(text=text, url=url, line=line):
                return words.warning(text, url, line)
            case _:
                return _detail(event) if self._verbose else _step(event)


def _step(event: Event) -> str | None:
    from toolkit.engine.buildkit import StepCompleted

    if isinstance(event, StepCompleted) and not event.cached and words.is_instruction(event.name):
        return words.done(event.seconds, event.name)
    return None


def _detail(event: Event) -> str | None:
    from toolkit.engine.buildkit import StepCompleted, StepLog, StepStarted

    match event:
        case StepStarted(name=name):
            return f"           {words.title(name)}"
        case StepCompleted(name=name, cached=cached, seconds=seconds):
            return words.cached(name) if cached else words.done(seconds, name)
        case StepLog(line=line):
            return words.logged(line)
        case _:
            return words.road(event)
