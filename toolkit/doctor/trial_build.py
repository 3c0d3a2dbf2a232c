"""What a real build shows: that a secret arrives, and how far the way to the package index goes.

Hidden here: it is one step on an image that is here, and the image that comes of it is removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from toolkit import labels
from toolkit.builder import secrets as sent
from toolkit.coding import proxies
from toolkit.context import ContextFile, pack
from toolkit.doctor import questions, scenes
from toolkit.doctor.attempts import NO_IMAGE
from toolkit.engine import Engine
from toolkit.errors import BuildError, EngineError, SpecError

_ID: Final = "toolkit-doctor"
_FILE: Final = "/run/secrets/{}"
_STEP: Final = """\
FROM {image}
USER 0
RUN --mount=type=secret,id={secret} --mount=type=secret,id=ca \\
    --mount=type=bind,source=ask.py,target=/run/toolkit/ask.py \\
    {command}
"""


def trial_build(
    engine: Engine, image: str, python: str, *, env: Mapping[str, str], ask: bool
) -> scenes.Built:
    """Build one step with a secret; `ask`: whether it may ask for the index."""
    if not image or not python:
        return scenes.Built(untried=NO_IMAGE)
    text, proxied = secrets.token_hex(16), bool(proxies.variables(env))
    seen = scenes.Built(index=questions.index(env), proxied=proxied)
    host, port, tls = questions.place(seen.index if ask and not proxied else "")
    asked = questions.Asked(
        host,
        port,
        tls,
        bundle=_FILE.format("ca"),
        secret=_FILE.format(_ID),
        text=hashlib.sha256(text.encode()).hexdigest(),
    )
    command = json.dumps(asked.argv(python, ("/run/toolkit/ask.py",)))
    step = _STEP.format(image=image, secret=_ID, command=command)
    try:
        given = sent.gathered(env, ca_bundle=None, netrc=None, named={_ID: text.encode()})
        found = _built(engine, step, given)
    except (BuildError, SpecError, EngineError) as error:
        return replace(seen, error=error.message, hint=error.hint or "")
    if found is None:
        return replace(seen, error="the step of the build said nothing")
    return replace(seen, secret=bool(found.get("secret")), **questions.outward(found))


def _built(engine: Engine, step: str, given: Mapping[str, bytes]) -> dict[str, Any] | None:
    from toolkit.engine import buildkit

    answers = []

    def hear(event: object) -> None:
        if isinstance(event, buildkit.StepLog):
            answers.append(questions.read(event.line))

    files = {"Dockerfile": step, "ask.py": questions.PROGRAM}
    request = buildkit.BuildRequest(
        context=bytes(pack([ContextFile(name, text.encode()) for name, text in files.items()])),
        labels={labels.ROLE: "doctor"},
        no_cache=True,  # whether it works now is asked, and not whether it once did
    )
    built = buildkit.build(engine, request, secrets=given, on_event=hear)
    with contextlib.suppress(EngineError):
        engine.remove_image(built)
    return next((found for found in answers if found is not None), None)
