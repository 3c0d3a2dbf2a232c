"""AutoGen's page, example by example, with the real agents and only the import changed.

What it prints is compared to the letter where the page's text and the living versions agree
(`code_file` and output as the page shows them; no leading newline, the banner of today).
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.peers.conftest import Environment
from tests.peers.environments import AUTOGEN_02, CLASSIC, Peer
from tests.peers.environments import environment as seen_by
from tests.peers.model import CODE, FIRST, SECOND, Model

pytestmark = pytest.mark.docker

PEERS: Final = pytest.mark.parametrize("peer", [AUTOGEN_02, CLASSIC], ids=lambda peer: peer.name)
HELLO: Final = (
    r"exit_code=0 output='Hello, World!\n' "
    "code_file='coding/tmp_code_07da107bb575cc4e02b0e1d6d99cc204.py'\n"
)

DOCKER: Final = """\
from pathlib import Path

from toolkit import CodeBlock, DockerCommandLineCodeExecutor

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
LOCAL: Final = """\
from pathlib import Path

from toolkit import CodeBlock, LocalCommandLineCodeExecutor

work_dir = Path("coding")
work_dir.mkdir(exist_ok=True)

executor = LocalCommandLineCodeExecutor(work_dir=work_dir)
print(
    executor.execute_code_blocks(
        code_blocks=[
            CodeBlock(language="python", code="print('Hello, World!')"),
        ]
    )
)
"""
VIRTUAL: Final = """\
from toolkit import CodeBlock, LocalCommandLineCodeExecutor, create_virtual_env

venv_dir = ".venv"
venv_context = create_virtual_env(venv_dir)

executor = LocalCommandLineCodeExecutor(virtual_env_context=venv_context)
print(
    executor.execute_code_blocks(
        code_blocks=[CodeBlock(language="python", code="import sys; print(sys.executable)")]
    )
)
"""
AGENT: Final = """\
from pathlib import Path

from autogen import ConversableAgent
from toolkit import DockerCommandLineCodeExecutor

work_dir = Path("coding")
work_dir.mkdir(exist_ok=True)

executor = DockerCommandLineCodeExecutor(work_dir=work_dir)

code_executor_agent = ConversableAgent(
    name="code_executor_agent",
    llm_config=False,
    code_execution_config={
        "executor": executor,
    },
    human_input_mode="NEVER",
)
"""
CHAT: Final = """
import os

from toolkit import SYSTEM_PROMPT

code_writer_agent = ConversableAgent(
    "code_writer",
    system_message=SYSTEM_PROMPT,
    llm_config={
        "config_list": [
            {"model": "gpt-4", "api_key": "none", "base_url": os.environ["MODEL_URL"]}
        ]
    },
    code_execution_config=False,
    max_consecutive_auto_reply=2,
    human_input_mode="NEVER",
)

import pprint

chat_result = code_executor_agent.initiate_chat(
    code_writer_agent, message="Write Python code to calculate the 14th Fibonacci number."
)

pprint.pprint(chat_result)

executor.stop()
"""
# What the page does not show: the same as data, and what the agent makes of the executor.
REPORT: Final = """
import json
import re

Path("chat.json").write_text(json.dumps([
    chat_result.chat_history,
    chat_result.summary,
    chat_result.human_input,
    code_executor_agent.code_executor is executor,
]))
"""

Example = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def example(environment: Environment, image: str, tmp_path: Path) -> Example:
    """Run a script with a peer's Python, in a folder of its own."""

    def run(peer: Peer, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        python = environment(peer)
        (tmp_path / "page.py").write_text(script)
        return subprocess.run(
            [python, "page.py"],
            cwd=tmp_path,
            env=seen_by(python, TOOLKIT_DEFAULT_IMAGE=image, **more),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@PEERS
def test_the_docker_executor(example: Example, peer: Peer) -> None:
    ended = example(peer, DOCKER)
    assert (ended.stdout, ended.stderr, ended.returncode) == (HELLO, "", 0)


@PEERS
def test_the_local_executor(example: Example, peer: Peer) -> None:
    """The same block, the same line: both executors name files alike."""
    ended = example(peer, LOCAL)
    assert (ended.stdout, ended.returncode) == (HELLO, 0)


@PEERS
def test_the_virtual_environment(example: Example, peer: Peer, tmp_path: Path) -> None:
    """The block runs in the environment, not in the application's."""
    ended = example(peer, VIRTUAL)
    programs = re.escape(str(tmp_path / ".venv" / "bin"))
    name = "tmp_code_278b725fd664fea2ecbf552b6b17cf04.py"
    expected = rf"exit_code=0 output='{programs}/python[0-9.]*\\n' code_file='{name}'\n"
    assert re.fullmatch(expected, ended.stdout), ended.stdout + ended.stderr


@PEERS
def test_the_executor_is_the_agents(example: Example, peer: Peer) -> None:
    """Neither asks for more than is there; a program that ends without stop() leaves nothing."""
    said = "print(code_executor_agent.code_executor is executor, executor.container_name)\n"
    ended = example(peer, AGENT + said)
    assert ended.stdout.startswith("True "), ended.stderr
    assert ended.returncode == 0
    assert not _is_there(ended.stdout.split()[1])


@PEERS
def test_two_agents_compute_the_fourteenth_fibonacci_number(
    example: Example, peer: Peer, model: Model, tmp_path: Path
) -> None:
    """377, in the words and roles of the page, and the model saw our prompt and our result."""
    ended = example(peer, AGENT + CHAT + REPORT, MODEL_URL=model.url)
    assert ended.returncode == 0, ended.stderr
    history, summary, human_input, is_ours = json.loads((tmp_path / "chat.json").read_text())
    assert [(entry["content"], entry["role"]) for entry in history] == [
        ("Write Python code to calculate the 14th Fibonacci number.", "assistant"),
        (FIRST, "user"),
        ("exitcode: 0 (execution succeeded)\nCode output: 377\n", "assistant"),
        (SECOND, "user"),
        ("", "assistant"),
    ]
    assert (summary, human_input, is_ours) == ("", [], True)
    banner = ">>>>>>>> EXECUTING CODE BLOCK (inferred language is python)..."
    assert ended.stdout.count(banner) == 1
    assert "ChatResult(" in ended.stdout
    assert [file.read_text() for file in (tmp_path / "coding").iterdir()] == [CODE]
    _asked(model.requests)


def _asked(requests: list[dict[str, Any]]) -> None:
    from toolkit import SYSTEM_PROMPT

    assert len(requests) == 2
    assert requests[0]["messages"][0] == {"content": SYSTEM_PROMPT, "role": "system"}
    assert requests[1]["messages"][-1]["content"].endswith("Code output: 377\n")


def _is_there(container: str) -> bool:
    from toolkit.engine import connect

    with connect() as engine:
        return engine.inspect_container(container) is not None


def test_the_page_itself(example: Example, checkouts: tuple[Path, ...], model: Model) -> None:
    """Every code cell of the page's own source, from a checkout, with nothing but imports changed.

    The model is found by the environment, as the page's own code does.
    """
    cells = _cells(checkouts)
    chat = cells.index(next(cell for cell in cells if "from autogen import" in cell))
    for cell in cells[:chat]:
        ended = example(AUTOGEN_02, cell)
        assert ended.returncode == 0, ended.stderr
        assert "exit_code=0" in ended.stdout
    script = "\n\n".join(cells[chat:])
    ended = example(AUTOGEN_02, script, OPENAI_API_KEY="none", OPENAI_BASE_URL=model.url)
    assert ended.returncode == 0, ended.stderr
    assert "exitcode: 0 (execution succeeded)\nCode output: 377\n" in ended.stdout
    assert "executor.stop()" in script


def _cells(checkouts: tuple[Path, ...]) -> list[str]:
    place = "website/docs/topics/code-execution/cli-code-executor.ipynb"
    found = [folder / place for folder in checkouts if (folder / place).exists()]
    if not found:
        pytest.skip("TOOLKIT_PEER_TESTS names no checkout of AutoGen 0.2 with its page")
    cells = json.loads(found[0].read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return [_ours(text) for text in texts]


def _ours(cell: str) -> str:
    """The cell with the import of the executors changed."""
    for theirs in ("autogen.coding", "autogen.code_utils"):
        cell = cell.replace(f"from {theirs} import", "from toolkit import")
    return cell
