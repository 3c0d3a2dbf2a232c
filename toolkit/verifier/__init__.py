"""The proof that an image keeps its contract: nothing is an image before it (design, decision 7).

Hides how the proof is made: in a container of the image, without network, under a uid that the
image has never heard of, over the same road that code is run on later. So `sh`, `python`, the
worker and the way to it are proven along with the packages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from toolkit.container import Container, ContainerOptions
from toolkit.engine import Engine
from toolkit.errors import DiedError, Hint, Problem, StartError, VerificationError
from toolkit.lifecycle import ContainerManager
from toolkit.spec import Check
from toolkit.verifier.report import Report, hint

SECONDS: Final = 600.0
"""For the whole probe."""

IMPORT_SECONDS: Final = 60.0
"""For a single import."""

# Nobody's: whatever works for this uid works for any.
_STRANGER: Final = "54321:54321"
_PRELOAD: Final = "preload"


def verify(
    engine: Engine,
    image: str,
    *,
    excused: Iterable[str] = (),
    workdir: str | None = None,
    checks: Iterable[Check] = (),
    import_seconds: float = IMPORT_SECONDS,
) -> Report:
    """Prove that the image with this id or name works; give what it said of itself.

    `import_seconds` is what the import of one module may take. `workdir` is a folder that must be
    writable as well, `checks` are run there once all else is well. Raises VerificationError, with
    every breach in `problems`, or ContainerError when the container could not even be started.
    """
    with ContainerManager(engine) as manager:
        options = ContainerOptions(image=image, network="none", user=_STRANGER, role="probe")
        container = manager.start(options)
        folders = [workdir] if workdir else []
        report = _examined(engine, container, [str(import_seconds), *folders])
        if breaches := tuple(report.problems(excused)):
            raise _failed(breaches, hint(report))
        if breaches := tuple(_breaches(container, checks, workdir)):
            raise _failed(breaches, "mend the image, or the command that is to prove it")
    return report


def verify_preload(engine: Engine, image: str) -> None:
    """Prove that a container of the image can start with what it says is imported beforehand.

    That an import succeeds is not enough: what is forked must have no threads. Raises
    VerificationError, or ContainerError when the container could not even be started.
    """
    options = ContainerOptions(image=image, network="none", user=_STRANGER, role="probe", warm=True)
    try:
        with ContainerManager(engine) as manager:
            manager.start(options)
    except StartError as error:
        _, refused, words = error.message.partition(f": {_PRELOAD}: ")
        if not refused:
            raise
        advice = "take the module out of preload, or have it start no thread"
        raise _failed((Problem(_PRELOAD, words),), advice) from error


def _examined(engine: Engine, container: Container, arguments: list[str]) -> Report:
    # First as everybody calls it: -I overlooks variables that can keep Python from starting.
    probe = ["sh", "-c", 'python -c "" && exec python -I - "$@"', "probe", *arguments]
    try:
        result = container.run(probe, stdin=_probe(), timeout=SECONDS)
    except DiedError:
        engine.ping()  # one that is gone is what there is to be told
        raise
    if result.exit_code != 0:
        last = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise VerificationError(
            f"the image's Python cannot examine the image: {last or result.exit_code}",
            hint=Hint(
                "choose another base with --base",
                check="image.contents",
                flags=("--image", container.options.image),
            ),
        )
    return Report.parse(result.stdout)


def _breaches(
    container: Container, checks: Iterable[Check], workdir: str | None
) -> Iterator[Problem]:
    """What the spec's own proofs say, each in a process of its own."""
    for check in checks:
        result = container.run(
            check.argv, stdin=check.stdin, cwd=workdir, timeout=SECONDS, merged=True
        )
        if result.exit_code == 0:
            continue
        ended = (
            f"not done within {SECONDS:g} s"
            if result.timed_out
            else f"exit code {result.exit_code}"
        )
        said = result.stdout.decode("utf-8", "replace").strip().rpartition("\n")[2]
        yield Problem(f"verify {check.said!r}", f"{ended}: {said}" if said else ended)


def _failed(breaches: tuple[Problem, ...], advice: str) -> VerificationError:
    lines = "\n".join(f"  {each}" for each in breaches)
    return VerificationError(
        f"the image was built and does not work\n{lines}", hint=advice, problems=breaches
    )


def _probe() -> bytes:
    return (Path(__file__).parent / "probe.py").read_bytes()
