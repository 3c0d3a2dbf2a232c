"""An environment.yml with packages of conda's, built from a channel that the test has made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docker import conda_channel
from tests.docker.conftest import Cli, MakeBase
from toolkit import CodeBlock, DockerCommandLineCodeExecutor

pytestmark = pytest.mark.docker


@pytest.fixture
def base(base_image: str, make_base: MakeBase, downloads: Path) -> str:
    """The local base, with a channel."""
    (wheel,) = downloads.glob("pip-*.whl")
    packages = [
        conda_channel.python("3.11.2"),
        conda_channel.python("3.12.1"),  # which the base has not
        conda_channel.pip(wheel),
        conda_channel.module("tk_low", "1.0", "WORD = 'old'"),
        conda_channel.module("tk_low", "1.5", "WORD = 'low'"),
        conda_channel.module("tk_low", "2.0", "WORD = 'new'"),
        conda_channel.module("tk_high", "3.1", "from tk_low import WORD", depends=("tk_low",)),
    ]
    return make_base(
        "channel", conda_channel.source_of(base_image, conda_channel.Channel(packages))
    )


def test_packages_of_condas_are_installed_beside_those_of_pip(
    cli: Cli, name: str, base: str
) -> None:
    """What pip's list asks for and conda has brought stays conda's; all of it is proven."""
    wheel = cli.wheel("tk_plain", requires=("tk_low<2",))
    cli.write(
        "name: whatever",
        "channels: ['file:///srv/channel', nodefaults]",
        "dependencies:",
        "  - python=3.11",
        "  - tk_high",
        "  - tk_low >=1,<2",
        f"  - pip: ['{wheel}']",
        file="environment.yml",
    )
    command = ("--deps", "environment.yml", "--name", name, "--base", base)
    built = cli("build-image", *command)
    assert built.code == 0, built.stderr
    image = built.stdout.strip()
    code = "import sys, tk_high, tk_plain; print(tk_high.WORD, sys.version_info[:2], sys.prefix)"
    with DockerCommandLineCodeExecutor(image=image, work_dir=cli.folder) as executor:
        result = executor.execute_code_blocks(
            [
                CodeBlock(language="python", code=code),
                CodeBlock(
                    language="sh",
                    code="python -m pip list --format=freeze; ls /opt/venv/conda-meta",
                ),
            ]
        )
    lines = result.output.splitlines()
    assert lines[0] == "low (3, 11) /opt/venv"
    assert {"tk_high==3.1", "tk_low==1.5", "tk_plain==1.0"} <= set(lines)
    assert {"tk_high-3.1-0.json", "tk_low-1.5-0.json"} <= set(lines)
    record = cli("images", "inspect", image, "--lock").stdout
    assert ('name = "tk-plain"' in record, "tk-low" in record) == (True, False)
    again = cli("build-image", *command)
    assert (again.stdout.strip(), "nothing to do" in again.stderr) == (image, True)


def test_what_cannot_be_solved_is_told(cli: Cli, name: str, base: str) -> None:
    cli.write(
        "channels: ['file:///srv/channel']",
        "dependencies: [tk_high, tk_low>=7]",
        file="environment.yml",
    )
    command = ("--deps", "environment.yml", "--name", name, "--base", base)
    answer = cli("build-image", *command)
    error, _ = answer.refused(6)
    assert error.startswith("installing the packages of conda's failed")
    assert "tk_low" in answer.stderr
