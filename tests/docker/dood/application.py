"""The application, as it runs in a container: a folder, a block, and what each sees of the other.

Its argument is JSON: a list of the options of executors, which all have those of TOOLKIT_TEST_USUAL
besides. It prints what became of each, in JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from toolkit import CodeBlock, DockerCommandLineCodeExecutor, connect
from toolkit.engine import Engine
from toolkit.errors import ToolkitError

BLOCK = """\
# filename: block.py
import getpass
from pathlib import Path
print(Path("asked.txt").read_text())
Path("answer.txt").write_text("by the block")
assert getpass.getuser()
(Path.home() / ".toolkit-test").write_text("whoever it is")
"""


SECOND = """\
# filename: second.py
from pathlib import Path
print(Path("answer.txt").read_text())
Path("second.txt").write_text("by the other block")
"""


def beside(executor: DockerCommandLineCodeExecutor, work: Path) -> dict[str, Any]:
    """What another executor, open at the same time, sees of the first one's, and we of its."""
    result = executor.execute_code_blocks([CodeBlock(SECOND, "python")])
    return {"code": result.exit_code, "output": result.output, "answer": _text(work, "second.txt")}


def tried(engine: Engine, asked: dict[str, Any]) -> dict[str, Any]:
    work = Path(asked["work_dir"])
    os.environ.update(environment := asked.pop("env", {}))
    number = asked.pop("executors", 1)
    try:
        with contextlib.ExitStack() as stack:
            made = (DockerCommandLineCodeExecutor(**asked, engine=engine) for _ in range(number))
            executor, *others = [stack.enter_context(each) for each in made]
            (work / "asked.txt").write_text("by the application")
            result = executor.execute_code_blocks([CodeBlock(BLOCK, "python")])
            found = engine.inspect_container(executor.container_id)
            second = [beside(other, work) for other in others]
    except ToolkitError as error:
        return {"error": str(error), "hint": error.hint}
    finally:
        for name in environment:
            del os.environ[name]
    assert found is not None
    (mount, *_) = found["HostConfig"].get("Mounts") or found["Mounts"]  # the latter is Podman's
    owner = (work / "answer.txt").stat()
    return {
        "code": result.exit_code,
        "output": result.output,
        "answer": _text(work, "answer.txt"),
        "second": second,
        "bind_dir": str(executor.bind_dir),
        "owner": [owner.st_uid, owner.st_gid],
        "mount": [mount["Type"], mount.get("Source", "")],
        "subpath": (mount.get("VolumeOptions") or {}).get("Subpath", ""),
    }


def _text(work: Path, name: str) -> str:
    return (work / name).read_text()


if __name__ == "__main__":
    usual = json.loads(os.environ.get("TOOLKIT_TEST_USUAL", "{}"))
    with connect() as found:
        said = [tried(found, {**usual, **each}) for each in json.loads(sys.argv[1])]
    json.dump(said, sys.stdout)
