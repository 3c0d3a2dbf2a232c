"""What runs the blocks of one container: the program of each language, started by its worker.

Hidden here: which program is there, that Python blocks are forks of a warm interpreter unless that
was switched off, and how much of the output is kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Unpack

from toolkit.coding import languages
from toolkit.coding.execution import noted, outcome
from toolkit.coding.naming import as_argument
from toolkit.coding.recording import Recorder
from toolkit.coding.results import BlockResult
from toolkit.coding.settings import Settings
from toolkit.container import Container
from toolkit.mirror import Mirror
from toolkit.worker.conversation import OnOutput
from toolkit.worker.result import Cancellation, CommandOptions, Result, Stream

_NOTHING: Final = 0
"""What the channel shall keep of the output: the recorder has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who runs blocks: hears their output, keeps the streams apart, may cancel."""

    on_output: OnOutput | None = None
    separate: bool = False
    cancellation: Cancellation | None = None


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of a container. `timeout`: seconds that each of them may take.

    `mirror` is there where the work dir is not shared with it.
    """

    container: Container
    work_dir: Path
    timeout: float
    settings: Settings
    mirror: Mirror | None = None

    def mirrored(self) -> Programs:
        """The same, with the work dir in the container as it is here."""
        if self.container.copied_to is None:
            return self
        mirror = Mirror(self.container, self.work_dir, python=self.of("python"))
        mirror.push()
        return replace(self, mirror=mirror)

    def of(self, language: str) -> str:
        """The program for the language in this image; one that is missing is exit code 127."""
        names = languages.PROGRAMS[language]
        found = self.container.ready.programs
        return next((name for name in names if found.get(name)), names[0])

    def python(self, arguments: Sequence[str]) -> Result:
        """Run Python itself, in the work dir."""
        return self.command([self.of("python"), *arguments], timeout=self.timeout)

    def command(self, argv: Sequence[str], **options: Unpack[CommandOptions]) -> Result:
        """Run any program, in the work dir."""
        with self.checked():
            return self.container.run(argv, **options)

    @contextlib.contextmanager
    def checked(self) -> Iterator[None]:
        """Have the work dir the same on both sides, before and after. Raises ExecError."""
        with self.mirror.checked() if self.mirror is not None else contextlib.nullcontext():
            yield

    def run(self, language: str, relative: str, listener: Listener) -> BlockResult:
        """Run a block's file, by its path relative to the work dir."""
        settings = self.settings
        recorder = Recorder(self.work_dir, relative, settings.output_limit)
        with self._shared() as problems, recorder as record:

            def take(stream: Stream, data: bytes) -> None:
                record.add(stream, data)
                if listener.on_output is not None:
                    listener.on_output(stream, data)

            result = self.container.run(
                [self.of(language), as_argument(relative)],
                on_output=take,
                timeout=self.timeout,
                merged=not (listener.separate or settings.separate_streams),
                output_limit=_NOTHING,
                warm=language == "python" and settings.isolation == "fork",
                cancellation=listener.cancellation,
            )
        done = outcome(record.completed(result), log_file=record.log_file)
        return noted(done, problems)

    @contextlib.contextmanager
    def _shared(self) -> Iterator[list[str]]:
        """After an exception nothing is carried out: what was lost with the container is no news.

        Gives a list, in which there will be what could not be.
        """
        problems: list[str] = []
        if self.mirror is not None:
            self.mirror.push()
        yield problems
        if self.mirror is not None:
            problems.extend(self.mirror.pull())
