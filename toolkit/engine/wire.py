"""What an engine's streams look like, as pure decoders: the attach stream and streams of JSON.

Bytes in, however they were cut; values out. No I/O, no clock.
"""

from __future__ import annotations

import codecs
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from toolkit.errors import EngineError, Hint

StreamName = Literal["stdout", "stderr"]

_HEADER: Final = struct.Struct(">BxxxI")
_NAMES: Final[dict[int, StreamName]] = {1: "stdout", 2: "stderr"}


class WireError(EngineError):
    """The bytes are not what the engine's protocol says."""

    def __init__(self, message: str) -> None:
        """There is one thing to do about all of them."""
        super().__init__(
            message,
            hint=Hint("report this, with the version of the engine", check="engine.version"),
        )


class AttachDecoder:
    """Turn the bytes of an attached container (no tty) into chunks of stdout and stderr.

    A chunk is delivered as soon as any byte of it is there: a frame of the engine is no unit of
    the program, and waiting for a whole one would hold back output.
    """

    def __init__(self) -> None:
        self._header = bytearray()
        self._name: StreamName | None = None
        self._left = 0

    def feed(self, data: bytes) -> Iterator[tuple[StreamName, bytes]]:
        """Every chunk that these bytes complete, in order; `WireError` for an unknown stream."""
        view = memoryview(data)
        while view:
            if not self._left:
                view = self._read_header(view)
                continue
            chunk = bytes(view[: self._left])
            view = view[len(chunk) :]
            self._left -= len(chunk)
            if self._name is not None:
                yield self._name, chunk

    def close(self) -> None:
        """Say that no more bytes come; `WireError` when the stream ended inside a frame."""
        if self._left or self._header:
            raise WireError("the container's stream ended inside a frame")

    def _read_header(self, view: memoryview) -> memoryview:
        missing = _HEADER.size - len(self._header)
        self._header += view[:missing]
        if len(self._header) == _HEADER.size:
            kind, self._left = _HEADER.unpack(self._header)
            if kind > max(_NAMES):
                raise WireError(f"the container's stream has a frame of unknown kind {kind}")
            self._name = _NAMES.get(kind)
            self._header.clear()
        return view[missing:]


class JsonDecoder:
    """Turn bytes into the JSON objects of which they are the concatenation.

    The engine separates its progress objects by CRLF, by LF or by nothing.
    """

    _PARSE: Final = json.JSONDecoder().raw_decode

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Every object that these bytes complete; `WireError` for something else."""
        self._text = (self._text + self._utf8.decode(data)).lstrip()
        while self._text:
            if self._text[0] != "{":
                raise WireError(f"the engine sent {self._text[:40]!r} where JSON was due")
            # An object that is not complete does not end in a brace: do not parse it again and
            # again while it grows.
            if "}" not in self._text:
                return
            try:
                value, end = self._PARSE(self._text)
            except json.JSONDecodeError:
                return
            self._text = self._text[end:].lstrip()
            yield value

    def close(self) -> None:
        """Say that no more bytes come; `WireError` when half an object is left."""
        if self._text:
            raise WireError("the engine's answer ended inside an object")


def objects(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Every object of an answer that is read to its end; `WireError` for a broken one."""
    decoder = JsonDecoder()
    for chunk in chunks:
        yield from decoder.feed(chunk)
    decoder.close()


def error_words(item: Mapping[str, Any]) -> str:
    """What an object of a stream says of a failure; "" where it says nothing of one.

    A failure without a word is one all the same.
    """
    detail, short = item.get("errorDetail"), item.get("error")
    if detail is None and not short:
        return ""
    inner = detail.get("message") if isinstance(detail, dict) else None
    return str(inner or short or "the engine does not say why")
