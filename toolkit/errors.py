"""The error tree: what went wrong, how to mend it, and the exit code.

    ToolkitError                 1
    ├── SpecError                3   what the user wrote: files, names, options
    │   └── ImageReferenceError      an image name that is none
    ├── TemplateError            4   a template that cannot be rendered
    ├── EngineError              5   the daemon, not you
    │   ├── EngineNotFoundError      no socket, no such context
    │   ├── EngineUnreachableError   refused, forbidden, gone while we talked
    │   ├── EngineRefusedError       it answered no; carries the status
    │   └── EngineTooOldError        found, required
    ├── BuildError               6   carries the step and the last lines of its log
    │   ├── RegistryError            carries the reference, and what the trouble is
    │   │   ├── PullError
    │   │   └── PushError
    │   ├── BaseImageError           the base keeps no contract: no sh, no python
    │   └── VerificationError        the image was built and does not work
    ├── ContainerError           7   carries the container's id
    │   ├── StartError
    │   ├── NotRunningError
    │   └── DiedError
    └── ExecError                8   the machinery of execution, never the code's own failure
        └── ExecTimeoutError

A message is one sentence, subject first, with the value in it, and without a full stop. Each has a
hint, one imperative sentence, and where a check of `toolkit doctor` explains the error, the hint
names it. Usage errors are click's (2); an interruption is 130.
"""

from __future__ import annotations

import copyreg
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

CheckId = Literal[
    "client.config",
    "endpoint.permission",
    "endpoint.proxy",
    "endpoint.reach",
    "endpoint.resolve",
    "endpoint.socket",
    "engine.build",
    "engine.disk",
    "engine.gpu",
    "engine.latency",
    "engine.os",
    "engine.runtimes",
    "engine.version",
    "dood.bind",
    "dood.workdir",
    "image.contents",
    "image.present",
    "net.dns",
    "net.index",
    "net.registry",
    "workdir.local",
]
"""The checks of doctor that explain an error. Doctor stands below; a test holds them together."""


class Hint(str):
    """What to do, in one imperative sentence, and which check of doctor explains why.

    It is a plain text to whoever hands it on; the check goes with it. `flags` are those that make
    doctor look at the very thing.
    """

    __slots__ = ("check", "flags")

    check: CheckId | None
    flags: tuple[str, ...]

    def __new__(cls, text: str, *, check: CheckId | None = None, flags: Iterable[str] = ()) -> Self:
        made = super().__new__(cls, text)
        made.check = check
        made.flags = tuple(flags)
        return made

    @classmethod
    def of(cls, text: str) -> Hint:
        """The same, with the check that it may have."""
        return text if isinstance(text, Hint) else cls(text)

    def saying(self, text: str) -> Hint:
        """Another text, explained by the same check."""
        return Hint(text, check=self.check, flags=self.flags)

    @property
    def command(self) -> str:
        """What to type for an explanation; empty where no check has one."""
        if self.check is None:
            return ""
        return shlex.join(("toolkit", "doctor", "--check", self.check, *self.flags))

    @property
    def shown(self) -> str:
        """The lines that people read, below an error on a terminal and below a traceback."""
        explained = f"\n`{self.command}` explains it" if self.check else ""
        return f"hint: {self}{explained}".replace("\n", "\n      ")


class ToolkitError(Exception):
    """The root. `str()` is the message; `hint` says what to do; `exit_code` is the family's.

    The hint is a note of the exception, too, so that a traceback ends in it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = Hint.of(hint)
        self.add_note(self.hint.shown)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes whole: Python's own way would call us without a hint."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input, and where: `requirements.txt:7`, `apt[2]`, `--env`."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


class SpecError(ToolkitError):
    """What the user wrote is wrong. `problems` holds all of them; the message is a line each."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems) or (Problem("", message),)

    @classmethod
    def gathered(cls, problems: Iterable[Problem], *, hint: str) -> SpecError:
        """One error for all problems of an input, in the order in which they were found."""
        found = tuple(problems)
        return cls("\n".join(map(str, found)), hint=hint, problems=found)


class ImageReferenceError(SpecError):
    """A text that is no image reference."""


class TemplateError(ToolkitError):
    """A template that cannot be rendered, or a value that may not stand in one."""

    exit_code = 4


class EngineError(ToolkitError):
    """The engine, or the way to it."""

    exit_code = 5


class EngineNotFoundError(EngineError):
    """There is nothing to talk to: no socket, no such context."""


class EngineUnreachableError(EngineError):
    """Something is there and does not talk to us: refused, forbidden, or gone half-way."""


class EngineRefusedError(EngineError):
    """The engine answered no. `status` is the HTTP status of its answer."""

    def __init__(self, message: str, *, hint: str, status: int) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class EngineTooOldError(EngineError):
    """The message says what was found and what is required."""


class BuildError(ToolkitError):
    """A build failed. `step` is the instruction, `reason` why it failed, `log` its last lines.

    `lines` are the first and the last line of that instruction in the Dockerfile, 1-based, where
    they are known; `dockerfile` is its text, where there is one.
    """

    exit_code = 6

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        step: str | None = None,
        reason: str = "",
        log: Iterable[str] = (),
        lines: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.step = step
        self.reason = reason
        self.log = tuple(log)
        self.lines = lines
        self.dockerfile = ""

    def placed(self, dockerfile: str, lines: tuple[int, int] | None) -> Self:
        """The same error, with the Dockerfile that failed and the lines of it that are to blame."""
        self.dockerfile = dockerfile
        self.lines = lines
        return self


Trouble = Literal[
    "absent",  # there is no such image, or no such repository
    "denied",  # it wants a log-in, or another one
    "limited",  # it counts requests, and these were too many (429)
    "broken",  # it answers with an error of its own (5xx), or breaks off
    "unreachable",  # it never answered
    "untrusted",  # its certificate is by an authority that the engine does not know
    "corrupt",  # what it sent is not what it said
    "full",  # the engine's disk
    "other",
]


class RegistryError(BuildError):
    """A registry, or the way to it. `reference` is what was asked for, `trouble` what was met."""

    def __init__(
        self, message: str, *, hint: str, reference: str, trouble: Trouble = "other"
    ) -> None:
        super().__init__(message, hint=hint)
        self.reference = reference
        self.trouble: Trouble = trouble

    @property
    def unreachable(self) -> bool:
        """Whether the registry gave no answer, as opposed to answering no."""
        return self.trouble in {"broken", "unreachable", "untrusted"}

    @property
    def transient(self) -> bool:
        """Whether asking again in a moment may help."""
        return self.trouble in {"broken", "limited"}


class PullError(RegistryError):
    """A registry did not give the image."""


class PushError(RegistryError):
    """A registry did not take the image."""


class BaseImageError(BuildError):
    """A base image that lacks what every executor image is built on."""


class VerificationError(BuildError):
    """The image was built and breaks its contract. `problems` has one entry a breach."""

    def __init__(self, message: str, *, hint: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class ContainerError(ToolkitError):
    """One container. `container` is its id or name, where it has one."""

    exit_code = 7

    def __init__(self, message: str, *, hint: str, container: str = "") -> None:
        super().__init__(message, hint=hint)
        self.container = container


class StartError(ContainerError):
    """The container could not be created or started."""


class NotRunningError(ContainerError):
    """The container is not running, so nothing can be run in it."""


class DiedError(ContainerError):
    """The container ended while it was in use; the message says how, where that is known."""


class ExecError(ToolkitError):
    """The machinery of execution failed; code that fails is a result, not an error."""

    exit_code = 8


class ExecTimeoutError(ExecError):
    """The machinery did not answer in time."""
