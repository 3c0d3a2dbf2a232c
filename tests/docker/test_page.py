"""AutoGen's page on command-line code executors, as it stands, but for the import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.engine import connect
from toolkit.image import local_bases

pytestmark = pytest.mark.docker

FIRST_EXAMPLE = """\
from pathlib import Path

from toolkit.coding import CodeBlock, DockerCommandLineCodeExecutor

work_dir = Path("coding")
work_dir.mkdir(exist_ok=True)

with DockerCommandLineCodeExecutor(work_dir=work_dir) as executor:
    print(
        executor.execute_code_blocks(
            code_blocks=[
                CodeBlock(language="python", code="print('Hello, World!')"),
            ]
        )
    )
"""


def test_the_first_example_prints_what_the_page_prints(tmp_path: Path) -> None:
    with connect() as engine:
        image = str(local_bases(engine)[0])
    example = subprocess.run(
        [sys.executable, "-c", FIRST_EXAMPLE],
        cwd=tmp_path,
        env={**os.environ, "TOOLKIT_DEFAULT_IMAGE": image},
        capture_output=True,
        text=True,
        check=True,
    )
    assert example.stdout == (
        r"exit_code=0 output='Hello, World!\n' "
        "code_file='coding/tmp_code_07da107bb575cc4e02b0e1d6d99cc204.py'\n"
    )
    assert example.stderr == ""
