"""The proof that an image keeps its contract: nothing is an image before it (design, decision 7).

Hides how the proof is made: in a container of the image, without network, under a uid that the
image has never heard of, over the same road that code is run on later. So `sh`, `python`, the
worker and the way to it are proven along with the packages.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from toolkit.container import ContainerOptions
from toolkit.engine import Engine
from toolkit.errors import DiedError, Hint, VerificationError
from toolkit.lifecycle import ContainerManager
from toolkit.verifier.report import Report, hint

SECONDS: Final = 600.0
"""For the whole probe."""

IMPORT_SECONDS: Final = 60.0
"""For a single import."""

# Nobody's: whatever works for this uid works for any.
_STRANGER: Final = "54321:54321"


def verify(
    engine: Engine,
    image: str,
    *,
    excused: Iterable[str] = (),
    import_seconds: float = IMPORT_SECONDS,
) -> Report:
    """Prove that the image with this id or name works; give what it said of itself.

    `import_seconds` is what the import of one module may take. Raises VerificationError, with every
    breach in `problems`, or ContainerError when the container could not even be started.
    """
    with ContainerManager(engine) as manager:
        options = ContainerOptions(image=image, network="none", user=_STRANGER, role="probe")
        container = manager.start(options)
        # First as everybody calls it: -I overlooks variables that can keep Python from starting.
        probe = ["sh", "-c", 'python -c "" && exec python -I - "$0"', str(import_seconds)]
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
                "choose another base with --base", check="image.contents", flags=("--image", image)
            ),
        )
    report = Report.parse(result.stdout)
    problems = tuple(report.problems(excused))
    if problems:
        raise VerificationError(
            "the image was built and does not work\n" + "\n".join(f"  {each}" for each in problems),
            hint=hint(report),
            problems=problems,
        )
    return report


def _probe() -> bytes:
    return (Path(__file__).parent / "probe.py").read_bytes()
