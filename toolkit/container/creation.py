"""The call that creates a container, from which no interruption can take the answer.

Hidden here: the engine goes on creating after its client has closed the connection, so whoever is
interrupted while he waits for the answer must still wait for it before he can remove anything. The
call is therefore made in a thread of its own, which no Ctrl-C reaches.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from toolkit import labels as label
from toolkit.engine import Engine
from toolkit.errors import EngineRefusedError, NotRunningError

_PATIENCE: Final = 10.0
"""Seconds for which an interrupted caller waits; what comes later is for the exit or the sweep."""


class Creation:
    """The call `POST /containers/create`, for one name. `discard` any number of times."""

    def __init__(self, engine: Engine, name: str, *, session: str) -> None:
        self.name = name
        self.engine = engine
        self._session = session
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._begun = self._given_up = False
        self._id = ""
        self._error: BaseException | None = None

    def ask(self, config: Mapping[str, Any]) -> str:
        """Create the container and return its id. Raises what the engine raises.

        After an exception of any kind, Ctrl-C too, `discard` removes what was created. It may be
        asked again when it was refused, or withdrawn.
        """
        with self._lock:
            self._over.clear()
            self._begun, self._error = False, None
        threading.Thread(
            target=self._ask, args=(config,), name="toolkit create", daemon=True
        ).start()
        self._over.wait()
        if self._error is not None:
            raise self._error
        return self._id

    def withdraw(self) -> None:
        """Remove what was created: another is wanted."""
        self.engine.remove_container(self._id)
        with self._lock:
            self._begun, self._id = False, ""

    def discard(self, *, engine: Engine | None = None, seconds: float = _PATIENCE) -> bool:
        """Remove what was created, once the engine has answered; a stranger's is left alone.

        False when it did not answer in so many seconds: try again later. Raises EngineError.
        """
        with self._lock:
            self._given_up = True
            if not self._begun:
                return True
        if not self._over.wait(seconds):
            return False
        engine = engine or self.engine
        container_id = self._id or self._found(engine)
        if container_id:
            engine.remove_container(container_id)
        return True

    def _ask(self, config: Mapping[str, Any]) -> None:
        with self._lock:
            self._begun = not self._given_up
        if not self._begun:
            self._error = NotRunningError(
                "the container was given up before it was created", hint="start another one"
            )
            self._over.set()
            return
        try:
            self._id = self.engine.create_container(config, name=self.name)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error
        finally:
            self._over.set()
            self.engine.release()

    def _found(self, engine: Engine) -> str:
        """Look for a container of that name: an answer that was lost says nothing of the deed."""
        if isinstance(self._error, EngineRefusedError):
            return ""
        found = engine.inspect_container(self.name)
        return str((found or {}).get("Id", "")) if is_of_session(found, self._session) else ""


def is_of_session(inspected: Mapping[str, Any] | None, session: str) -> bool:
    """Whether an inspected container is one of ours, and of that session."""
    found = ((inspected or {}).get("Config") or {}).get("Labels") or {}
    return label.is_ours(found) and found.get(label.SESSION) == session
