"""What `--fix` does: the fixes that are safe, each with consent, and each said.

Hidden here: how each is done. Removed is only what has our labels or our names and whose owner is
proven dead; groups, contexts and the engine's configuration are never touched.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toolkit import lifecycle, setup
from toolkit.coding import scratch
from toolkit.doctor import inside, leavings, look, owning, wanted
from toolkit.doctor.check import Result
from toolkit.doctor.question import Question
from toolkit.doctor.report import Report
from toolkit.engine import Engine
from toolkit.engine.endpoint import resolve
from toolkit.errors import EngineRefusedError, ToolkitError
from toolkit.image import REPOSITORY
from toolkit.reference import ImageReference
from toolkit.spec import LOCAL_BASES


@dataclass(frozen=True, slots=True)
class Hands:
    """Who is asked, and who is told. With `dry_run` nothing is done but telling."""

    consent: setup.Consent
    say: setup.Say
    dry_run: bool = False


def mend(report: Report, question: Question, hands: Hands) -> tuple[str, ...]:
    """Do what can be done about a report; give the ids of the checks to be made again.

    What fails is said, and the next is tried.
    """
    done = []
    for result in report.results:
        act, fix = _ACTS.get(result.check.id), result.finding.fix
        if act is None or fix is None or not fix.auto:
            continue
        what = f"{result.check.id}: {fix.text}"
        if hands.dry_run:
            hands.say(f"would do {what}")
        elif not hands.consent(f"{what} ({result.finding.summary})?"):
            hands.say(f"left as it is, {what}")
        elif _did(act, result, question, hands=hands):
            hands.say(f"did {what}")
            done.append(result.check.id)
    return tuple(done)


_Act = Callable[[Result, Question, Hands], None]


def _did(act: _Act, result: Result, question: Question, *, hands: Hands) -> bool:
    try:
        act(result, question, hands)
    except (ToolkitError, OSError) as error:
        hands.say(f"could not mend {result.check.id}: {error}")
        return False
    return True


@contextlib.contextmanager
def _engine(question: Question) -> Iterator[Engine]:
    with Engine(resolve(None, env=question.env, home=question.home)) as engine:
        yield engine


def _start(_result: Result, question: Question, hands: Hands) -> None:
    setup.start_engine(consent=hands.consent, say=hands.say, env=question.env)


def _sweep(_result: Result, question: Question, hands: Hands) -> None:
    with _engine(question) as engine:
        for belonging, verdict in lifecycle.survey(engine):
            if verdict.standing != "dead":
                continue
            try:
                lifecycle.remove(engine, belonging)
            except EngineRefusedError as error:  # a volume that somebody uses
                hands.say(f"{belonging.kind} {belonging.name} stays: {error.message}")
            else:
                hands.say(f"removed {belonging.kind} {belonging.name}: {verdict.reason}")


def _clear(result: Result, question: Question, hands: Hands) -> None:
    if result.finding.data["others"] and question.work_dir is not None:
        _take(question, question.work_dir)
        hands.say(f"made the files in {question.work_dir} yours")
    for folder in scratch.abandoned():
        scratch.remove(folder)
        hands.say(f"removed {folder}")
    for proof in leavings.files(question.work_dir).proofs:
        Path(proof).unlink(missing_ok=True)
        hands.say(f"removed {proof}")


def _take(question: Question, folder: Path) -> None:
    if os.geteuid() == 0:
        owning.take_by_itself(folder)
        return
    with _engine(question) as engine:
        mount = inside.mount(folder, question.bind_dir, question.env)
        owning.take(engine, inside.local_image(engine, question.image or ""), mount)


def _make_folder(result: Result, _question: Question, _hands: Hands) -> None:
    folder = Path(str(result.finding.data["path"]))
    if look.is_stray(folder):
        folder.rmdir()
    folder.mkdir(parents=True)


def _obtain(result: Result, question: Question, hands: Hands) -> None:
    reference = ImageReference.parse(str(result.finding.data["name"]))
    with _engine(question) as engine:
        if reference.name == LOCAL_BASES:
            setup.make_base_image(engine, consent=hands.consent, say=hands.say, env=question.env)
        elif question.deps and reference.path.startswith(f"{REPOSITORY}/"):
            name = wanted.built(engine, question, reference, consent=hands.consent, say=hands.say)
            hands.say(f"built {name}")
        else:
            engine.pull(reference)


_ACTS: Final[Mapping[str, _Act]] = {
    "endpoint.socket": _start,
    "endpoint.reach": _start,
    "workdir.local": _make_folder,
    "image.present": _obtain,
    "gc.containers": _sweep,
    "gc.volumes": _sweep,
    "gc.files": _clear,
}
