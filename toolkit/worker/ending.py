"""Whether a Python may end at once, because nobody could tell it from a full end.

Runs inside the container, as part of the warm interpreter. Written for Python 3.8, standard library
only: see protocol.py.

Hidden here: that taking an interpreter down costs several times what the fork did, since it writes
to every page that parent and child still share; and what can happen while it is taken down: exit
hooks, threads, buffers, and objects that do something when they go. In doubt, it is taken down.
"""

# ruff: noqa: PTH208 - pathlib would be one more import
from __future__ import annotations

import atexit
import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MANY = 20_000
"""Objects, above which looking at each costs more than it saves."""
_HAS_GC, _HEAP_TYPE, _IMMUTABLE_TYPE = 1 << 14, 1 << 9, 1 << 8
_QUIET_NAMES = (
    "__future__ _abc _collections _ctypes _frozen_importlib _frozen_importlib_external _functools "
    "_json _operator _random _sitebuiltins _sre _struct _thread _weakref abc array builtins "
    "collections ctypes dataclasses datetime decimal enum fractions functools importlib itertools "
    "math numbers numpy operator pandas random re sre_compile string struct sys time traceback "
    "toolkit types typing warnings weakref"
)
_QUIET = frozenset(_QUIET_NAMES.split())
"""Modules whose own types, those in C too, do nothing that is seen when an instance goes."""


class Ending:
    """What was there when the interpreter was ready to be forked from: taken after gc.freeze()."""

    def __init__(self) -> None:
        self._frozen = gc.get_freeze_count()
        self._hooks = _hooks()

    def is_unnoticed(self) -> bool:
        """Whether a full end would do nothing more; what was printed has been flushed then.

        Hooks of modules that were there before are called; what they hold is not looked at.
        """
        if (
            _hooks() != self._hooks
            or len(os.listdir("/proc/self/task")) > 1
            or gc.get_freeze_count() > self._frozen  # the code has frozen its own
            or sys.flags.verbose
            or sys.stdout is not sys.__stdout__
            or sys.stderr is not sys.__stderr__
            or not _all_go_quietly(gc.get_objects())
        ):
            return False
        if any(self._hooks):
            threading: Any = sys.modules.get("threading")
            if threading is not None:
                threading._shutdown()  # noqa: SLF001 - what the interpreter calls
            atexit._run_exitfuncs()  # noqa: SLF001 - as above
        return _flush()


def _hooks() -> tuple[int, int]:
    """How many are to be called at the end: by threading, and by atexit."""
    threading: Any = sys.modules.get("threading")
    return len(getattr(threading, "_threading_atexits", ())), atexit._ncallbacks()  # noqa: SLF001 - there is no other way to ask


def _all_go_quietly(objects: list[Any]) -> bool:
    if len(objects) > _MANY:
        return False
    streams = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    own: set[int] = set()
    for stream in streams:
        try:
            buffer = getattr(stream, "buffer", None)
        except ValueError:  # it was detached
            return False
        own |= {id(stream), id(buffer), id(getattr(buffer, "raw", None))}
    kinds = {type(each) for each in objects if id(each) not in own}
    return all(map(_goes_quietly, kinds)) and not any(map(_is_trouble, objects))


def _goes_quietly(kind: type) -> bool:
    """Whether nothing happens when an instance of it goes."""
    return not hasattr(kind, "__del__") and all(map(_is_known, kind.__mro__))


def _is_known(kind: type) -> bool:
    """Whether it is one of Python's own types, or was defined in Python."""
    if kind.__module__.partition(".")[0] in _QUIET:
        return True
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or ""
    return file.endswith(".py") and kind.__flags__ & (_HEAP_TYPE | _IMMUTABLE_TYPE) == _HEAP_TYPE


def _is_trouble(each: object) -> bool:
    """A weak reference that calls somebody, or a class whose instances the collector cannot see."""
    kind = type(each)
    if kind.__module__ == "weakref" or kind.__name__ in {"weakref", "ReferenceType"}:
        callback = getattr(each, "__callback__", None)
        if callback is None or type(callback) is type(len):  # one in C: the caches of abc
            return False
        return callback.__module__ not in {"weakref", "_weakrefset"}
    return isinstance(each, type) and "__del__" in vars(each) and not each.__flags__ & _HAS_GC


def _flush() -> bool:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:  # noqa: BLE001 - whatever it is, the full end reports it
        return False
    return True
