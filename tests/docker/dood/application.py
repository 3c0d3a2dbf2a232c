"""The application, as it runs in a container: a folder, a block, and what each sees of the other.

Its argument is JSON: a list of the options of executors, which all have those of TOOLKIT_TEST_USUAL
besides. It prints what became of each, in JSON.
"""

from __future__ import annotations

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


def tried(engine: Engine, asked: dict[str, Any]) -> dict[str, Any]:
    work = Path(asked["work_dir"])
    os.environ.update(environment := asked.pop("env", {}))
    try:
        with DockerCommandLineCodeExecutor(**asked, engine=engine) as executor:
            (work / "asked.txt").write_text("by the application")
            result = executor.execute_code_blocks([CodeBlock(BLOCK, "python")])
            found = engine.inspect_container(executor.container_id)
    except ToolkitError as error:
        return {"error": str(error), "hint": error.hint}
    finally:
        for name in environment:
            del os.environ[name]
    assert found is not None
    answer = work / "answer.txt"
    (mount, *_) = found["HostConfig"].get("Mounts") or found["Mounts"]  # the latter is Podman's
    owner = answer.stat()
    return {
        "code": result.exit_code,
        "output": result.output,
        "answer": answer.read_text(),
        "bind_dir": str(executor.bind_dir),
        "owner": [owner.st_uid, owner.st_gid],
        "mount": [mount["Type"], mount.get("Source", "")],
        "subpath": (mount.get("VolumeOptions") or {}).get("Subpath", ""),
    }


if __name__ == "__main__":
    usual = json.loads(os.environ.get("TOOLKIT_TEST_USUAL", "{}"))
    with connect() as found:
        said = [tried(found, {**usual, **each}) for each in json.loads(sys.argv[1])]
    json.dump(said, sys.stdout)
