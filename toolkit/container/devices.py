"""GPUs and other devices in the engine's own form, from each of the ways to ask for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from toolkit.errors import SpecError

_KEYS: Final[Mapping[str, str]] = {
    "driver": "Driver",
    "count": "Count",
    "device_ids": "DeviceIDs",
    "capabilities": "Capabilities",
    "options": "Options",
}
"""docker-py's names for the fields of a device request, and the engine's."""

_EVERY: Final = -1


def gpu_requests(gpus: int | str | None) -> tuple[Mapping[str, Any], ...]:
    """What `gpus` means, in the manner of `docker run --gpus`: all, a number, or `device=0,1`."""
    if gpus is None:
        return ()
    text = str(gpus).strip()
    if text == "all":
        return (_gpus(Count=_EVERY),)
    if isinstance(gpus, int) and not isinstance(gpus, bool) and gpus >= 0:
        return (_gpus(Count=gpus),) if gpus else ()
    if re.fullmatch(r"\d+", text):
        return (_gpus(Count=int(text)),)
    named = re.fullmatch(r"device=([\w.:/-]+(?:,[\w.:/-]+)*)", text)
    if named is not None:
        return (_gpus(DeviceIDs=named[1].split(",")),)
    raise SpecError(
        f"gpus {gpus!r} names no devices", hint='write "all", a number, or "device=0,1"'
    )


def requests(given: Iterable[object]) -> tuple[Mapping[str, Any], ...]:
    """Device requests in the engine's form, from docker-py's objects or mappings of either form."""
    return tuple(_request(each) for each in given)


def _request(given: object) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):  # docker-py's DeviceRequest is one
        raise _not_a_request(given)
    fields = {_KEYS.get(str(key), str(key)): value for key, value in given.items()}
    if unknown := sorted(fields.keys() - _KEYS.values()):
        raise _not_a_request(unknown[0])
    return fields


def _gpus(**fields: object) -> Mapping[str, Any]:
    return {"Driver": "", **fields, "Capabilities": [["gpu"]], "Options": {}}


def _not_a_request(found: object) -> SpecError:
    return SpecError(
        f"device request {found!r} is not understood",
        hint='use docker.types.DeviceRequest, or {"driver": …, "count": …, "capabilities": …}',
    )
