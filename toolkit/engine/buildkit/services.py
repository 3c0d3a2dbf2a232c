"""What the engine may ask of us while it builds: health, secrets, credentials, the context.

Hidden here: which methods there are, that Docker Hub has three names, and that what may take long
(a credential helper, the reading of a context) is done by other threads than the one that must
answer Health. Values of secrets and passwords are in no repr, no message and no log.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from toolkit.engine.buildkit import wire
from toolkit.engine.buildkit.request import BuildRequest

HEALTH: Final = "/grpc.health.v1.Health/Check"
SECRET: Final = "/moby.buildkit.secrets.v1.Secrets/GetSecret"  # noqa: S105 - a path
CREDENTIALS: Final = "/moby.filesync.v1.Auth/Credentials"
PULL: Final = "/moby.upload.v1.Upload/Pull"

_SERVING: Final = wire.encode((1, 1))
_ANONYMOUS: Final = b""  # two empty strings: no credentials, which is no error
_HUB: Final = {"registry-1.docker.io": "docker.io", "index.docker.io": "docker.io"}

# Engine 20.10 takes messages of 4 MiB.
_LARGEST: Final = 3 << 20
_SMALLEST: Final = 64 << 10
_AHEAD: Final = 2
_UPLOADS: Final = 8

Credentials = Callable[[str], tuple[str, str] | None]
"""From a registry's host to user name and password; an identity token has no user name."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a method answers: a message, or the code and words of a refusal."""

    payload: bytes = field(default=b"", repr=False)
    code: int = wire.OK
    words: str = ""


Body = Iterator[bytes | Reply | None]
"""Messages one by one; None while the next is not there yet; at last a `Reply` for the code."""


class Services:
    """The methods that are served in one build. `wake` is called when a body can go on."""

    def __init__(
        self,
        secrets: Mapping[str, bytes],
        credentials: Credentials | None = None,
        request: BuildRequest | None = None,
    ) -> None:
        self._secrets = secrets
        self._clerk = _Clerk(credentials or _nobody)
        self._request = request
        self._uploads: list[Upload] = []
        self.wake: Callable[[], None] = _nothing

    @property
    def failure(self) -> BaseException | None:
        """What went wrong as the context was read."""
        return next((one.failure for one in self._uploads if one.failure is not None), None)

    @property
    def sent(self) -> int:
        """How many bytes of the context have been taken so far."""
        return max((one.given for one in self._uploads), default=0)

    def answer(self, path: str, request: bytes) -> Reply | Body:
        """Answer one call; `WireError` where the request is no message."""
        methods: dict[str, Callable[[dict[int, int | bytes]], Reply | Body]] = {
            HEALTH: self._health,
            SECRET: self._secret,
            CREDENTIALS: self._credentials,
        }
        method = methods.get(path)
        if method is None:
            return Reply(code=wire.UNIMPLEMENTED, words=f"unknown method {path}")
        return method(wire.message(request))

    def upload(self, path: str) -> Reply | Body | None:
        """Answer a call that sends no message: that for the context; None for another one.

        The engine never ends its side of it, so it is answered at once. It may ask again.
        """
        if path != PULL or self._request is None:
            return None
        if sum(not one.ended for one in self._uploads) >= _UPLOADS:
            return Reply(code=wire.RESOURCE_EXHAUSTED, words="the context is being read too often")
        self._uploads.append(Upload(self._request.parts(), self.wake))
        return self._uploads[-1]

    def close(self) -> None:
        """End the threads that read the context or ask for credentials."""
        for each in self._uploads:
            each.close()
        self._clerk.close()

    def _health(self, _request: dict[int, int | bytes]) -> Reply:
        return Reply(_SERVING)

    def _secret(self, request: dict[int, int | bytes]) -> Reply:
        # Newer engines also ask for HTTP_AUTH_HEADER_<host> and HTTP_AUTH_TOKEN_<host> in every
        # build: not found, like all that was not given.
        name = wire.text(request.get(1, b""))
        value = self._secrets.get(name)
        if value is None:
            return Reply(code=wire.NOT_FOUND, words=f"secret {name} not found")
        return Reply(wire.encode((1, value)))

    def _credentials(self, request: dict[int, int | bytes]) -> Body:
        host = wire.text(request.get(1, b""))
        return self._clerk.asked(_HUB.get(host, host), self.wake)


class _Clerk:
    """Asks for credentials, one after another and each only once, in a thread of its own.

    A credential helper is a program that may take its time. Started with the first question.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._questions: queue.SimpleQueue[tuple[str, list[Reply], Callable[[], None]] | None]
        self._questions = queue.SimpleQueue()
        self._known: dict[str, Reply] = {}
        self._thread: threading.Thread | None = None

    def asked(self, host: str, wake: Callable[[], None]) -> Body:
        answer: list[Reply] = []
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="buildkit-credentials", daemon=True
            )
            self._thread.start()
        self._questions.put((host, answer, wake))
        return _later(answer)

    def close(self) -> None:
        self._questions.put(None)

    def _run(self) -> None:
        while (question := self._questions.get()) is not None:
            host, answer, wake = question
            if host not in self._known:
                self._known[host] = self._looked_up(host)
            answer.append(self._known[host])
            wake()

    def _looked_up(self, host: str) -> Reply:
        try:
            found = self._credentials(host)
        except Exception:  # noqa: BLE001 - a helper's words may hold what must not be shown
            return Reply(code=wire.INTERNAL, words=f"the credentials for {host} cannot be read")
        if found is None:
            return Reply(_ANONYMOUS)
        user, password = found
        pairs = [(number, text) for number, text in ((1, user), (2, password)) if text]
        return Reply(wire.encode(*pairs))


class Upload:
    """The context as a body: read in a thread of its own, a few messages ahead."""

    def __init__(self, parts: Iterable[bytes], wake: Callable[[], None]) -> None:
        self._parts = parts
        self._wake = wake
        self._read: deque[bytes | Reply] = deque()
        self._room = threading.Semaphore(_AHEAD)
        self._closed = False
        self.given = 0
        self.ended = False
        self.failure: BaseException | None = None
        threading.Thread(target=self._run, name="buildkit-context", daemon=True).start()

    def __iter__(self) -> Body:
        return self

    def __next__(self) -> bytes | Reply | None:
        if not self._read:
            return None
        self._room.release()
        item = self._read.popleft()
        if isinstance(item, bytes):
            self.given += len(item)
        return item

    def close(self) -> None:
        """Read no more."""
        self._closed = True
        self._room.release()

    def _run(self) -> None:
        try:
            for message in messages(self._parts):
                if not self._put(wire.encode((1, message))):
                    return
            self._put(Reply())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the build is told
            self.failure = error
            self._put(Reply(code=wire.INTERNAL, words="the build context cannot be read"))
        finally:
            self.ended = True

    def _put(self, item: bytes | Reply) -> bool:
        self._room.acquire()
        if self._closed:
            return False
        self._read.append(item)
        self._wake()
        return True


def messages(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Cut or join parts of any size into such as are worth a message and small enough for one."""
    joined = bytearray()
    for part in parts:
        if len(joined) + len(part) < _SMALLEST:
            joined += part
            continue
        whole = memoryview(bytes(joined) + part if joined else part)
        joined.clear()
        for at in range(0, len(whole), _LARGEST):
            yield bytes(whole[at : at + _LARGEST])
    if joined:
        yield bytes(joined)


def _later(answer: list[Reply]) -> Body:
    while not answer:
        yield None
    yield from once(answer[0])


def once(reply: Reply) -> Body:
    """Give the body of a call with one message, or with none where it is refused."""
    if not reply.code:
        yield reply.payload
    yield Reply(code=reply.code, words=reply.words)


def _nobody(_host: str) -> None:
    return None


def _nothing() -> None:
    return
