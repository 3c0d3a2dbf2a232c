"""Whether limits hold: a container is given some, and a program in it goes beyond each.

Hidden here: how much is too much, and how a program that was ended for it is told from one that was
let go on.
"""

from __future__ import annotations

from typing import Final

from toolkit.container import ContainerOptions
from toolkit.doctor import scenes
from toolkit.doctor.attempts import NO_IMAGE
from toolkit.engine import Engine
from toolkit.errors import ContainerError, DiedError, ExecError
from toolkit.lifecycle import ContainerManager
from toolkit.profile import Limits

_LIMITS: Final = Limits(network="none", memory=96 << 20, cpus=0.25, pids=48)
_HELD: Final = {41: True, 137: True, 42: False}
"""By exit code: kept within its limit, killed for it, let go on. Any other tells nothing."""
_MEMORY: Final = """\
import mmap, sys
taken = mmap.mmap(-1, 192 << 20)
for at in range(0, len(taken), 4096):
    taken[at] = 1
sys.exit(42)
"""
_PROCESSES: Final = """\
import os, signal, sys
children, code = [], 42
try:
    while len(children) < 96:
        child = os.fork()
        if not child:
            signal.pause()
        children.append(child)
except OSError:
    code = 41
finally:
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
sys.exit(code)
"""
_TIME: Final = """\
import sys, time
def throttled():
    for path in ("/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat"):
        try:
            with open(path) as file:
                return [line for line in file if line.startswith("nr_throttled")]
        except OSError:
            pass
before, began, used = throttled(), time.monotonic(), time.process_time()
while time.monotonic() - began < 0.8:
    pass
if throttled() != before:
    sys.exit(41)
# On a busy machine it may have had no more than its share, and nobody knows why.
sys.exit(42 if time.process_time() - used > 0.4 else 0)
"""
_PROGRAMS: Final = {"CPU time": _TIME, "processes": _PROCESSES, "memory": _MEMORY}
"""The one that may end the container is the last."""


def bounds(engine: Engine, image: str, python: str) -> scenes.Bounds:
    """Go beyond each limit in turn; `python` is the interpreter's name in the image."""
    if not image or not python:
        return scenes.Bounds(untried=NO_IMAGE)
    options = ContainerOptions(image=image, limits=_LIMITS, role="doctor")
    held: dict[str, bool] = {}
    try:
        with ContainerManager(engine) as manager:
            container = manager.start(options)
            for name, program in _PROGRAMS.items():
                ended = container.run([python, "-I", "-c", program], timeout=10.0)
                if ended.exit_code in _HELD:
                    held[name] = _HELD[ended.exit_code]
    except DiedError:  # for want of memory, the container as a whole
        return scenes.Bounds(held={**held, "memory": True})
    except (ContainerError, ExecError) as error:
        return scenes.Bounds(error=error.message, hint=error.hint or "")
    return scenes.Bounds(held=held)
