"""What came of a list of blocks, and of each of them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that a block created or changed; `path` can be opened from where `code_file` can."""

    path: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class BlockResult:
    """What came of one block.

    `output` is what the code wrote, and a word of AutoGen's after a time-out. `stdout` and `stderr`
    have what it wrote; where both went through one pipe, in true order, all of it is `stdout`.
    `exit_code` is 128 + n after signal n, and 124 with `timed_out`. `cancelled`: it was ended by
    whoever had it run. `truncated`: the middle of the output is missing; `log_file` has more of it.
    `files` are those created or changed meanwhile.
    """

    exit_code: int
    output: str
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    timed_out: bool = False
    cancelled: bool = False
    oom_killed: bool = False
    truncated: bool = False
    log_file: str | None = None
    code_file: str | None = None
    files: tuple[FileChange, ...] = ()


@dataclass(slots=True)
class CommandLineCodeResult:
    """The last exit code, all output, the first file that was written, and a result a block.

    Mutable, since frameworks write into it. `str()` has no class name, as AutoGen's page prints it,
    and neither it nor `==` knows of `blocks`.
    """

    exit_code: int
    output: str
    code_file: str | None = None
    blocks: list[BlockResult] = field(default_factory=list, repr=False, compare=False)

    def __str__(self) -> str:
        return f"exit_code={self.exit_code!r} output={self.output!r} code_file={self.code_file!r}"
