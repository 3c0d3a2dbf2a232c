"""One folder of this machine and its likeness in one container: `push` before code, `pull` after.

Hidden here: only what changed on one side since both were the same is carried to the other, by a
program in the container that speaks over the worker's channel. What that says is the code's word,
for it runs under the code's uid: it is checked, and can change nothing but this folder. What is
missing there is removed here only when it has told all that there is, or all that has changed since
it did; of something that was there before in this very container, and that nobody has changed here
since.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from toolkit.container import Container
from toolkit.errors import ExecError
from toolkit.mirror.attendant import Attendant
from toolkit.mirror.conversation import Received, Sent, is_late, put, words_of
from toolkit.mirror.plan import Plan, Snapshot, plan
from toolkit.mirror.records import MOST_BYTES, MOST_ENTRIES, BrokenError, Record
from toolkit.mirror.tree import LATE, Reader, TooManyError, opened, scan

_LOG: Final = logging.getLogger(__name__)
_TOLD: Final = 3
"""Of several problems, how many are named."""


class Mirror:
    """What is the same on both sides; of one container, and ended with it."""

    def __init__(self, container: Container, work_dir: Path, *, python: str) -> None:
        """`python` is a program of the container, whose `copied_to` is the folder's likeness."""
        self._container = container
        self._work_dir = work_dir
        self._attendant = Attendant(container, python=python)
        self._lock = threading.Lock()
        self._known: dict[tuple[int, ...], bytes] = {}
        self._here: dict[bytes, bytes] = {}
        self._there: dict[bytes, bytes] = {}
        self._late: dict[bytes, bytes] = {}
        """Of files that were sent and bear a late stamp, what was sent, condensed."""

    def push(self) -> None:
        """Carry into the container what changed here. Raises ExecError where that fails."""
        with self._lock:
            root = self._opened()
            reader = Reader(root)
            try:
                found = self._scanned(root)
                if found != self._here or self._late:
                    self._settle(found, reader)
                    self._send(plan(self._here, found), reader, found)
                self._here = found
            finally:
                reader.close()
                os.close(root)

    def pull(self) -> tuple[str, ...]:
        """Carry out of the container what changed there; what could not be, in words.

        Raises ExecError and DiedError for broken machinery.
        """
        with self._lock, self._attendant as helper:
            root = self._opened()
            received = Received(root, self._here, self._there)
            try:
                result = helper.ask(received, anew=not self._there)
                if result is not None:
                    received.problems.append(words_of(result))
            except (BrokenError, TooManyError) as error:
                received.problems.append(str(error))
            finally:
                received.close()
                os.close(root)
            if received.found is not None:
                missing = {path: self._there.get(path, b"") for path in received.missing}
                self._there = received.found
                for path, stamp in missing.items():  # it is still to be carried
                    put(self._there, path, stamp)
            helper.informed = received.is_done
            return told(received.problems)

    @contextlib.contextmanager
    def checked(self) -> Iterator[None]:
        """Have both the same before and after. Raises ExecError where that cannot be.

        After an exception nothing is carried out.
        """
        self.push()
        yield
        if problems := self.pull():
            raise ExecError(
                f"folder {self._work_dir} is not as it is in container {self._container.name}: "
                f"{'; '.join(problems)}",
                hint="keep what cannot be copied out of the work dir, or share it",
            )

    def _scanned(self, root: int) -> dict[bytes, bytes]:
        try:
            return scan(root, MOST_ENTRIES, self._known)
        except (TooManyError, OSError) as error:
            raise self._failed(str(error)) from error

    def _settle(self, found: Snapshot, reader: Reader) -> None:
        """Look into what bore a late stamp: to send it for nothing undoes what was done there."""
        for path, known in self._late.items():
            before, now = self._here.get(path, b""), found.get(path, b"")
            is_same = before.removesuffix(LATE) == now.removesuffix(LATE)
            if is_same and _condensed(reader.records(path)) == known:
                self._here[path] = now
        late = {path: known for path, known in self._late.items() if is_late(found.get(path))}
        self._late = late

    def _opened(self) -> int:
        try:
            return opened(self._work_dir)
        except OSError as error:
            raise self._failed(error.strerror or repr(error)) from error

    def _send(self, todo: Plan, reader: Reader, found: Snapshot) -> None:
        if not (todo.send or todo.remove):
            return
        if todo.size > MOST_BYTES:
            raise self._failed(f"it has more than {MOST_BYTES >> 20} MiB that are new")
        for path in todo.left:
            _LOG.warning("link %s leads out of the work dir, and is not copied", os.fsdecode(path))
        sending = Sent(todo, reader, found)
        with self._attendant as helper:
            try:
                result = helper.ask(sending, anew=not self._there)
            except BrokenError as error:
                raise self._failed(str(error)) from error
            finally:
                for path, stamp in sending.done.items():
                    put(self._there, path, stamp)
                    put(self._here, path, found.get(path, b""))
                self._late.update(sending.late)
        if sending.problems or result is not None:
            words = told(sending.problems) or ((words_of(result),) if result else ())
            raise self._failed("; ".join(words))

    def _failed(self, words: str) -> ExecError:
        return ExecError(
            f"folder {self._work_dir} cannot be copied into container {self._container.name}: "
            f"{words}",
            hint="name a smaller work_dir, or one that can be shared: see transfer and bind_dir",
        )


def told(problems: list[str]) -> tuple[str, ...]:
    """The first of them, and how many more there are."""
    more = len(problems) - _TOLD
    return (*problems[:_TOLD], *((f"and {more} more",) if more > 0 else ()))


def _condensed(records: Iterable[Record]) -> bytes:
    condensed = hashlib.sha256()
    for record in records:
        condensed.update(record.encode())
    return condensed.digest()
