"""Blocks under gVisor, whose kernel is a program: the runtime `runsc`, where it can be had."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.second_engine import copy_disk, missing_tools, second_engine
from toolkit.coding import CodeBlock, DockerCommandLineCodeExecutor
from toolkit.engine import Engine, connect

pytestmark = pytest.mark.docker

ARGUMENTS = ["--ignore-cgroups", "--platform=ptrace", "--network=none"]
"""What it needs inside other sandboxes and without hardware's help."""


@pytest.fixture(scope="module")
def runsc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed one, else Debian's, unpacked and not installed."""
    if found := shutil.which("runsc"):
        return Path(found)
    folder = tmp_path_factory.mktemp("runsc")
    for command in (["apt-get", "download", "runsc"], ["dpkg", "-x", "DEB", "."]):
        arguments = [
            str(next(folder.glob("*.deb"), "")) if word == "DEB" else word for word in command
        ]
        try:
            subprocess.run(arguments, cwd=folder, check=True, capture_output=True, timeout=120)
        except (OSError, subprocess.SubprocessError):
            pytest.skip("runsc is not installed, and Debian's package cannot be had")
    return folder / "usr/bin/runsc"


@pytest.fixture(scope="module")
def gvisor(
    tmp_path_factory: pytest.TempPathFactory, virgin_disk: Path, runsc: Path
) -> Iterator[Engine]:
    """A second engine that knows the runtime."""
    if missing := missing_tools():
        pytest.skip(f"a second engine needs {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("gvisor")
    (folder / "engine").mkdir()
    runtimes = {"runsc": {"path": str(runsc), "runtimeArgs": ARGUMENTS}}
    (folder / "engine/daemon.json").write_text(json.dumps({"runtimes": runtimes}))
    disk = copy_disk(virgin_disk, folder / "disk")
    with second_engine(folder / "engine", disk, folder) as made, connect(made.address) as engine:
        yield engine
    disk.unlink()


@pytest.mark.parametrize("profile", ["standard", "strict"])
def test_blocks_run_under_another_kernel(
    gvisor: Engine, base_image: str, tmp_path: Path, profile: str
) -> None:
    """With the worker, the warm interpreter, time-outs and files as everywhere else."""
    with DockerCommandLineCodeExecutor(
        base_image,
        work_dir=tmp_path,
        timeout=10,
        engine=gvisor,
        runtime="runsc",
        profile=profile,
        network="none",
    ) as executor:
        code = "import platform; open('made', 'w').write('x'); print(platform.release())"
        result = executor.execute_code_blocks([CodeBlock(code, "python")])
        assert (result.exit_code, result.output) == (0, "4.4.0\n"), result
        assert (tmp_path / "made").read_text() == "x"
        assert executor.execute_code_blocks([CodeBlock("dmesg", "sh")]).output.count("gVisor") > 0
        ended = executor.run(["sh", "-c", "setsid sleep 60 & sleep 60"], timeout=1)
        assert ended.timed_out
        assert executor.execute_code_blocks([CodeBlock("echo on", "sh")]).output == "on\n"
        container = executor.container_id
    assert gvisor.inspect_container(container) is None
