"""Making the files of a work dir this user's: by itself where it is root, else by a container.

Hidden here: which ids the user has inside, and that only this one folder is touched: no link is
followed, and nothing that is mounted below.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from toolkit.container import ContainerOptions
from toolkit.container.options import WORKSPACE, Mount
from toolkit.engine import Engine
from toolkit.errors import ExecError
from toolkit.lifecycle import ContainerManager
from toolkit.lifecycle.engines import caller, known

_PROGRAM: Final = """\
import os, sys
top, uid, gid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
device = os.lstat(top).st_dev
for parent, folders, names in os.walk(top):
    for name in [*folders, *names]:
        path = os.path.join(parent, name)
        found = os.lstat(path)
        if found.st_dev == device and found.st_uid != uid:
            os.chown(path, uid, gid, follow_symlinks=False)
    folders[:] = [each for each in folders if os.lstat(os.path.join(parent, each)).st_dev == device]
"""


def take_by_itself(folder: Path) -> None:
    """Give the folder's files to this user, who is root. Raises OSError."""
    device = folder.lstat().st_dev
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            if path.lstat().st_dev == device and path.lstat().st_uid != os.geteuid():
                os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
        folders[:] = [each for each in folders if Path(parent, each).lstat().st_dev == device]


def take(engine: Engine, image: str, mount: Mount) -> None:
    """Have a container that is root give the mounted folder's files to this user.

    Raises ContainerError or EngineError where the engine does not share the folder, ExecError
    where even root of a container may not.
    """
    uid, _, gid = caller(known(engine)).partition(":")
    options = ContainerOptions(
        image=image,
        network="none",
        user="0:0",
        mounts=(mount,),
        programs=("python", "python3"),
        role="doctor",
    )
    with ContainerManager(engine) as manager:
        container = manager.start(options)
        python = next(filter(None, container.ready.programs.values()), "python3")
        argv = [python, "-I", "-c", _PROGRAM, WORKSPACE, uid, gid]
        ended = container.run(argv, timeout=60.0)
    if ended.exit_code:
        said = ended.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise ExecError(
            f"a container may not change who owns the files: {said or 'it does not say why'}",
            hint="change it as root of this machine",
        )
