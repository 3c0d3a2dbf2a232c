"""The warm interpreter itself: forks of it become blocks, as if `python FILE` had been started.

Runs inside the container under the code's uid, in the image's own `python`. Written for Python 3.8,
standard library only: see protocol.py.

Hidden here: how a fork becomes what a start would have been. A block's own code must be the lowest
frame, or print_stack(), the stacklevel of warnings and the depth of recursion would tell. So all is
done in a thread that was started with C callables alone, `deque(map(call, steps))`: `_serve`, from
which only a fork returns; then CPython's own function for scripts, the one behind `python FILE`,
with its tracebacks and SystemExit; then `_finish`. The thread forks once before it serves, to be
alone in its process, and the main thread there. Where a fork cannot be the same (another module of
a name that is loaded already, a file that is no plain script), it becomes a real start by exec.
"""

# ruff: noqa: PTH109, PTH116, PTH120, PTH123, PTH208 - pathlib would be one more import
from __future__ import annotations

import _socket
import _thread
import contextlib
import ctypes
import gc
import io
import os
import signal
import sys
import time
from collections import deque
from functools import partial
from stat import S_ISREG

from toolkit.worker.ending import Ending
from toolkit.worker.program import Program
from toolkit.worker.spawn import FIRST_VICTIM, hatch, receive, yield_to_others
from toolkit.worker.supervisor import hide, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    _Plain = tuple[frozenset[str], frozenset[str]]

READY = b"ready"
_CHANNEL = 3
_GRACE = 1.0
"""Seconds in which the threads of a preloaded module may obey its own hook for forks."""
_STACK = 8 << 20
_LARGE_FOLDER = 1 << 15
_WORD = ctypes.sizeof(ctypes.c_size_t)
_RUNTIME_WORDS = 1024
_SCRIPT_IS_ABSOLUTE = sys.version_info >= (3, 9)

_run_script = ctypes.pythonapi.PyRun_SimpleFileExFlags
_run_script.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
_open_file = ctypes.CDLL(None).fopen
_open_file.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
_open_file.restype = ctypes.c_void_p

_call: Any = partial.__call__
"""Calls what it is given without a frame of its own."""
_steps: list[Callable[[], object]] = []
"""What the thread calls, one after another; more is added on the way."""


class _World:
    """What was found when the interpreter started, for comparison."""

    def __init__(self, plain: _Plain) -> None:
        self.unbuffered = getattr(sys.stdout, "write_through", False)
        self.texts = (sys.stdin, sys.stdout, sys.stderr)
        self.extras = {name.partition(".")[0] for name in set(sys.modules) - plain[0]}
        site = sys.modules.get("site")
        user = [site.USER_SITE] if site is not None and site.ENABLE_USER_SITE else []
        self._places = [*sys.path, *filter(None, user), sys.prefix + "/pyvenv.cfg", sys.executable]
        self._stamp = self._look()
        gc.collect()
        gc.freeze()
        self.ending = Ending()

    def has_changed(self) -> bool:
        """Whether a Python that started now might find other modules."""
        return self._look() != self._stamp

    def _look(self) -> list[tuple[int, int]]:
        found = []
        for place in self._places:
            try:
                stat = os.stat(place)
            except OSError:
                found.append((0, 0))
            else:
                found.append((stat.st_ino, stat.st_mtime_ns))
        return found


def main(plain: _Plain) -> NoReturn:
    """Serve on descriptor 3. `plain` are the modules that any start loads, and where it looks."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "toolkit"]:
        del sys.modules[name]
    channel = _socket.socket(fileno=_CHANNEL)
    try:
        main_thread = _MainThread()
    except (LookupError, ValueError):
        _refuse(channel, f"Python {sys.version.split()[0]} cannot be forked from")
    _steps.extend([partial(_be_alone, main_thread), partial(_serve, channel, plain)])
    _thread.stack_size(_stack_size())
    _thread.start_new_thread(deque, (map(_call, _steps), 0))
    _thread.stack_size(0)
    while True:
        time.sleep(3600)


def _stack_size() -> int:
    """As much as a main thread has: its limit, in bytes."""
    with open("/proc/self/limits", "rb") as stream:
        limits = [line.split() for line in stream if line.startswith(b"Max stack size")]
    soft = limits[0][3] if limits else b""
    return max(int(soft), 1 << 20) if soft.isdigit() else _STACK


def _be_alone(main_thread: _MainThread) -> None:
    """Go on in a fork, in which this thread is the only one and so the main one."""
    pid = 1
    try:
        pid = os.fork()
    finally:
        if pid:
            os._exit(0)
    main_thread.move_here()


def _serve(channel: Any, plain: _Plain) -> None:  # noqa: ANN401 - _socket has no types
    """Fork for each request. Returns in the forks only."""
    for place in (set(sys.path_importer_cache) - plain[1] | {os.getcwd()}) - set(sys.path):
        sys.path_importer_cache.pop(place, None)
    linecache: Any = sys.modules.get("linecache")  # from Python 3.13 on it knows the text of `-c`
    for name in ("cache", "_interactive_cache"):
        getattr(linecache, name, {}).clear()
    _preload(channel)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    hide()
    world = _World(plain)
    channel.send(READY)
    while True:
        theirs = receive(channel)
        if world.has_changed():
            os._exit(0)
        begin = -1
        with contextlib.suppress(OSError):  # no process is left, as the pipes' end tells
            begin = hatch(theirs, foreign=[_CHANNEL], is_fit=lambda: not world.has_changed())
        if begin >= 0:
            try:
                _become(begin, world)
            except BaseException:  # noqa: BLE001 - it is no block that has ended well
                sys.excepthook(*sys.exc_info())
                os._exit(126)
            return


def _preload(channel: Any) -> None:  # noqa: ANN401 - as above
    for name in filter(None, channel.recv(1 << 16).decode().split("\0")):
        try:
            __import__(name)
        except BaseException as error:  # noqa: BLE001 - a module may raise anything, SystemExit too
            _refuse(channel, f"module {name!r} cannot be imported: {_words_of(error)}")
        threads = _threads_left()
        if threads:
            number = f"{threads} threads" if threads > 1 else "a thread"
            _refuse(channel, f"module {name!r} leaves {number} running, which a fork would lose")


def _words_of(error: BaseException) -> str:
    kind = type(error).__name__
    try:
        return f"{kind}: {error}"
    except Exception:  # noqa: BLE001 - its own words are code of the module
        return kind


def _refuse(channel: Any, words: str) -> NoReturn:  # noqa: ANN401 - as above
    channel.send(words[:4000].encode("utf-8", "replace"))
    os._exit(1)


def _threads_left() -> int:
    """How many threads remain when the modules were told of a fork: numerical ones end theirs."""
    others = len(os.listdir("/proc/self/task")) - 1
    if others:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    deadline = time.monotonic() + _GRACE
    while others and time.monotonic() < deadline:
        time.sleep(0.01)
        others = len(os.listdir("/proc/self/task")) - 1
    return others


def _become(begin: int, world: _World) -> None:
    """In the child of a supervisor: be the block that is to run next."""
    os.setsid()
    program = Program.hear(begin)
    os.close(begin)
    show()
    yield_to_others(FIRST_VICTIM)
    program.connect()
    try:
        os.chdir(program.cwd)
    except OSError:
        program.start()  # which says it
    os.environ.update(program.env)
    path, folder = program.argv[1], ""
    with contextlib.suppress(OSError):  # a folder that is gone, or cannot be listed
        found = os.path.dirname(os.path.realpath(path))
        folder = found if _is_plain(path, found, world) else ""
    if world.has_changed() or not folder:
        _start(program)
    if _SCRIPT_IS_ABSOLUTE and not path.startswith("/"):
        path = f"{os.getcwd()}/{path}"
    _dress(program, path, folder, world)
    _prepare(path, world)


def _is_plain(path: str, folder: str, world: _World) -> bool:
    """Whether it is a script, and nothing beside it has the name of a module that is loaded."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        stat = os.fstat(file)
        content = os.read(file, stat.st_size) if S_ISREG(stat.st_mode) else b"PK\5\6"
        os.close(file)
    except OSError:
        return False
    if b"PK\5\6" in content:  # perhaps a zip file
        return False
    if os.stat(folder).st_size <= _LARGE_FOLDER:
        return world.extras.isdisjoint(name.partition(".")[0] for name in os.listdir(folder))
    import _imp

    ends = ("", ".py", ".pyc", *_imp.extension_suffixes())
    return not any(os.access(f"{folder}/{name}{end}", 0) for name in world.extras for end in ends)


def _start(program: Program) -> NoReturn:
    """Become a Python that has just been started."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(sys.executable, program.argv, os.environ)  # noqa: S606 - no shell is the point
    finally:
        os._exit(126)


def _dress(program: Program, script: str, folder: str, world: _World) -> None:
    """Change what a start would have made otherwise."""
    sys.modules["__main__"] = _new_main()
    sys.argv = program.argv[1:]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv = program.argv
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, folder)
    sys.path_importer_cache[script] = None  # it is neither zip nor folder
    for finder in sys.path_importer_cache.values():
        if finder is not None and hasattr(finder, "invalidate_caches"):
            finder.invalidate_caches()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _stream(number, f"<{name}>", world)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    for module, verb in (("numpy.random", "seed"), ("torch", "seed")):
        if module in sys.modules:  # `random` does so by itself
            getattr(sys.modules[module], verb)()


def _new_main() -> Any:  # noqa: ANN401 - as above
    """An empty __main__. The old one is kept alive by a frame of a thread that is no more."""
    old = vars(sys.modules["__main__"])
    new = type(sys)("__main__")
    for name in ("__annotations__", "__builtins__"):
        if name in old:
            vars(new)[name] = {} if name == "__annotations__" else old[name]
    return new


def _stream(number: int, name: str, world: _World) -> Any:  # noqa: ANN401 - as the io module has it
    """A standard stream, as CPython makes it at its start (create_stdio in pylifecycle.c)."""
    writes = number > 0
    model: Any = world.texts[number]
    raw = writes and world.unbuffered
    buffer = io.open(number, "wb" if writes else "rb", 0 if raw else -1, closefd=False)  # noqa: SIM115, UP020
    (buffer if raw else buffer.raw).name = name  # type: ignore[attr-defined,misc]
    stream = io.TextIOWrapper(
        buffer,
        encoding=model.encoding,
        errors=model.errors,
        newline="\n",
        line_buffering=model.line_buffering,
        write_through=raw,
    )
    stream.mode = "w" if writes else "r"  # type: ignore[misc]
    return stream


def _prepare(path: str, world: _World) -> None:
    """Have the script run next, and then the end that a Python makes."""
    file = _open_file(os.fsencode(path), b"rb")
    outcome: list[Any] = []

    def note(result: Any, *_rest: object) -> Any:  # noqa: ANN401 - as ctypes has it
        outcome.append(result)
        return result

    _run_script.errcheck = note
    _steps.append(partial(_run_script, file, os.fsencode(path), 1, None))
    _steps.append(partial(_finish, world, outcome))


def _finish(world: _World, outcome: Sequence[int]) -> None:
    """Find the exit code, and end at once where that cannot be told from a full end.

    An interrupt is 130, as shells see it.
    """
    code = 0
    if outcome[0]:
        code = 130 if getattr(sys, "last_type", None) is KeyboardInterrupt else 1
    _steps.append(partial(ctypes.pythonapi.Py_Exit, code))
    with contextlib.suppress(BaseException):  # the code may have left no descriptor and no memory
        if world.ending.is_unnoticed():
            os._exit(code)
    gc.unfreeze()  # or __main__, which was there before the fork, would keep all that it holds


class _MainThread:
    """CPython's own note of which thread state is the main one, from Python 3.13 on.

    A fork from another thread deletes that state and leaves the note: the full end, which goes back
    to it, would crash. It stands beside the main thread's identity, by which it is found.
    """

    def __init__(self) -> None:
        self._place: Any = None
        if sys.version_info < (3, 13):
            return
        runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
        wanted = (_thread.get_ident(), self._current())
        for number in range(_RUNTIME_WORDS):
            pair = (ctypes.c_size_t * 2).from_address(runtime + number * _WORD)
            if tuple(pair) == wanted:
                self._place = pair
                return
        raise LookupError

    @staticmethod
    def _current() -> int:
        get = ctypes.pythonapi.PyThreadState_Get
        get.restype = ctypes.c_size_t
        return int(get())

    def move_here(self) -> None:
        """The calling thread is the main one now."""
        if self._place is not None:
            self._place[1] = self._current()
