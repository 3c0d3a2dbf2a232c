"""The image that dependency files ask for: held against one that is here, or built.

Hidden here: that of an image's inputs only those that come of the files can be compared, for
nobody has told the other options that it was built with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from toolkit import builder, deps, image, labels, resources, setup
from toolkit.builder import BuildOptions
from toolkit.doctor.question import Question
from toolkit.engine import Engine
from toolkit.image import Stored
from toolkit.lock.exporting import at_hand
from toolkit.reference import ImageReference
from toolkit.spec import ImageSpec

_OF_FILES: Final = ("install/", "indexes/")


def changed(engine: Engine, question: Question, stored: Stored) -> tuple[str, ...]:
    """Name the parts of the files that are not those of the image; none where nobody can tell.

    Its base must be here: nothing is pulled. Raises SpecError for files that cannot be read.
    """
    base = stored.labels.get(labels.BASE_NAME, "")
    if not question.deps or not base or image.find(engine, base) is None:
        return ()
    spec = _spec(question, name=stored.labels.get(labels.NAME, ""), base=base)
    options = BuildOptions(cache=resources.cache(question.env))
    now = builder.plan(spec, engine=engine, options=options).rendered.inputs
    before = stored.inputs
    return tuple(
        part
        for part in sorted(before.keys() | now.keys())
        if part.startswith(_OF_FILES) and before.get(part) != now.get(part)
    )


def built(
    engine: Engine,
    question: Question,
    reference: ImageReference,
    *,
    consent: setup.Consent,
    say: setup.Say,
) -> str:
    """Build the image of that name from the files, or take one that is there; gives its name."""

    def make_base() -> ImageReference:
        return setup.make_base_image(engine, consent=consent, say=say, env=question.env)

    name = reference.path.partition("/")[2]
    spec = _spec(question, name=name, base=question.env.get("TOOLKIT_BASE_IMAGE"))
    options = BuildOptions(cache=resources.cache(question.env), make_base=make_base)
    planned = builder.plan(spec, engine=engine, options=options)
    made = builder.build(planned, engine=engine, environment=question.env, options=options)
    return str(made.reference)


def _spec(question: Question, *, name: str, base: str | None) -> ImageSpec:
    here = Path.cwd()
    below = all(path.resolve().is_relative_to(here) for path in question.deps)
    read = deps.read(
        question.deps,
        env=question.env,
        root=here if below else None,
        export=None if question.offline else at_hand(question.env),  # it may have to fetch uv
    )
    return ImageSpec.from_mapping({"name": name, "base": base or None}, read)
