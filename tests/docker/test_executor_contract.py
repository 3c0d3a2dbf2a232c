"""What every executor does with blocks: one suite for both (autogen.md, sections 4 and 5).

Where the contract itself differs between the two, the case says so: `differs`.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from tests.patience import with_enough_time
from toolkit.coding import (
    CodeBlock,
    CodeExecutor,
    CommandLineCodeResult,
    DockerCommandLineCodeExecutor,
    FileChange,
    FunctionWithRequirements,
    LocalCommandLineCodeExecutor,
    MarkdownCodeExtractor,
    Output,
)
from toolkit.engine import Engine

Executor = DockerCommandLineCodeExecutor | LocalCommandLineCodeExecutor
Value = TypeVar("Value")

CLASSES: Final[Mapping[str, type[Executor]]] = {
    "docker": DockerCommandLineCodeExecutor,
    "local": LocalCommandLineCodeExecutor,
}
KINDS: Final = [pytest.param("docker", marks=pytest.mark.docker), "local"]


@dataclass(slots=True)
class Maker:
    """Makes executors of one kind, and stops them in the end."""

    kind: str
    engine: Engine | None
    image: str
    made: list[Executor] = field(default_factory=list)

    def __call__(self, work_dir: Path | str, **options: Any) -> Executor:  # noqa: ANN401 - theirs
        if self.kind == "docker":
            options = {"image": self.image, "engine": self.engine, **options}
        made = CLASSES[self.kind](work_dir=work_dir, **options)
        self.made.append(made)
        return made

    def differs(self, *, docker: Value, local: Value) -> Value:
        """What the contract says for this kind."""
        return docker if self.kind == "docker" else local

    def seen(self, path: Path) -> str:
        """A path in the work dir as blocks know it."""
        return self.differs(docker=f"/workspace/{path.name}", local=str(path))


@pytest.fixture(scope="module", params=KINDS)
def make(request: pytest.FixtureRequest) -> Iterator[Maker]:
    kind = request.param
    found = None if kind == "local" else request.getfixturevalue("first_engine")
    maker = Maker(kind, found, "" if kind == "local" else request.getfixturevalue("base_image"))
    yield maker
    for made in maker.made:
        made.stop()


@pytest.fixture(scope="module")
def work_dir(make: Maker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of `shared`: each kind has its own."""
    assert make.kind
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def shared(make: Maker, work_dir: Path) -> Executor:
    """One executor for all cases that leave it as it was."""
    return make(work_dir)


@pytest.fixture
def execute(shared: Executor) -> Callable[..., CommandLineCodeResult]:
    return lambda *blocks: run(shared, *blocks)


Execute = Callable[..., CommandLineCodeResult]


def run(executor: Executor, *blocks: tuple[str, str]) -> CommandLineCodeResult:
    return executor.execute_code_blocks([CodeBlock(code, language) for language, code in blocks])


# The world of a block (4.1).


def test_a_block_works_in_the_work_dir_without_input_and_without_a_terminal(
    execute: Execute, make: Maker, work_dir: Path
) -> None:
    code = "import os, sys\nprint(os.getcwd(), sys.stdin.read() == '', sys.stdout.isatty())"
    folder = make.differs(docker="/workspace", local=str(work_dir))
    assert execute(("python", code)).output == f"{folder} True False\n"
    assert execute(("python", "input()")).output.endswith("EOFError: EOF when reading a line\n")
    assert execute(("sh", "read line || echo none")).output == "none\n"


def test_a_program_knows_its_file(execute: Execute, make: Maker, work_dir: Path) -> None:
    result = execute(("python", "# filename: me.py\nprint(__name__, __file__)"))
    assert result.output == f"__main__ {make.seen(work_dir / 'me.py')}\n"


def test_files_last_and_variables_do_not(execute: Execute, work_dir: Path) -> None:
    first = ("python", "x = 1\nopen('made.txt', 'w').write('text')")
    result = execute(first, ("sh", "cat made.txt; echo"), ("python", "print(x)"))
    assert result.output.startswith("text\nTraceback ")
    assert "NameError" in result.output
    assert (work_dir / "made.txt").stat().st_uid == os.getuid()


# Names of files (4.2).


def test_code_without_a_name_is_named_by_its_md5(execute: Execute, work_dir: Path) -> None:
    """The page's own example; the result prints as there."""
    result = execute(("python", "print('Hello, World!')"))
    path = work_dir / "tmp_code_07da107bb575cc4e02b0e1d6d99cc204.py"
    assert str(result) == f"exit_code=0 output='Hello, World!\\n' code_file='{path}'"
    assert path.read_text() == "print('Hello, World!')"


def test_a_code_file_is_relative_where_the_work_dir_is(
    make: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    executor = make("coding")
    assert str(executor.work_dir) == "coding"
    result = run(executor, ("python", "print('Hello, World!')"))
    assert result.code_file == "coding/tmp_code_07da107bb575cc4e02b0e1d6d99cc204.py"
    assert result.output == "Hello, World!\n"


@pytest.mark.parametrize(
    ("first_line", "name"),
    [
        ("# filename: a.py", "a.py"),
        ("#filename: b.py", "b.py"),
        ("# FileName : c.py", "c.py"),
        ("# filename: `d.py` (choose your own)", "d.py"),
        ("# filename: e.py # main", "e.py"),
        ("# bare.py", "bare.py"),
        ("# filename: deep/er/f.py", "deep/er/f.py"),
        ("# filename: sub/../g.py", "g.py"),
        ("# filename: -c.py", "-c.py"),
        ("# filename: with blank.py", "with blank.py"),
    ],
)
def test_the_first_line_may_name_the_file(
    execute: Execute, work_dir: Path, first_line: str, name: str
) -> None:
    result = execute(("python", f"{first_line}\nprint('ran')"))
    assert (result.exit_code, result.output) == (0, "ran\n")
    assert result.code_file == str(work_dir / name)
    assert (work_dir / name).read_text() == f"{first_line}\nprint('ran')"


def test_an_absolute_name_inside_is_a_name(execute: Execute, work_dir: Path) -> None:
    result = execute(("python", f"# filename: {work_dir}/abs.py\nprint('ran')"))
    assert (result.output, result.code_file) == ("ran\n", str(work_dir / "abs.py"))


@pytest.mark.parametrize(
    "first_line",
    [
        "# This is just a comment",
        "# -*- coding: utf-8 -*-",
        "# noqa",
        "# type: ignore",
        "# compute a/b ratio",
        f"# {'x' * 300}",
        "# filename:",
        "#!/usr/bin/env python",
        "",
        "import os  # filename: no.py",
    ],
)
def test_any_other_first_line_names_none(execute: Execute, first_line: str) -> None:
    result = execute(("python", f"{first_line}\nprint('ran')"))
    assert (result.exit_code, result.output) == (0, "ran\n")
    assert Path(str(result.code_file)).name.startswith("tmp_code_")


def test_a_name_that_no_file_can_have_is_a_result(execute: Execute) -> None:
    name = f"{'x' * 300}.py"
    result = execute(("python", f"# filename: {name}\nprint(1)"))
    words = f"{name} cannot be written: File name too long\n"
    assert result == CommandLineCodeResult(1, words, None)


@pytest.mark.parametrize("name", ["../x.py", "/tmp/x.py", ".", "sub/../../x.py", "..", "/"])
def test_a_name_outside_is_refused_and_what_came_before_is_kept(
    execute: Execute, name: str, work_dir: Path
) -> None:
    first = ("sh", "# filename: before.sh\necho a")
    result = execute(first, ("python", f"# filename: {name}\nprint(1)"), ("sh", "echo never"))
    assert (result.exit_code, result.output) == (1, "a\nFilename is not in the workspace")
    assert result.code_file == str(work_dir / "before.sh")
    alone = execute(("python", f"# filename: {name}\nprint(1)"))
    assert alone == CommandLineCodeResult(1, "Filename is not in the workspace", None)


def test_a_link_or_a_folder_in_the_way_is_refused(
    execute: Execute, work_dir: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (work_dir / "trap.py").symlink_to(victim)
    (work_dir / "way").symlink_to(tmp_path)
    (work_dir / "folder.py").mkdir()
    for name in ("trap.py", "way/victim", "folder.py"):
        result = execute(("python", f"# filename: {name}\nprint(1)"))
        assert result == CommandLineCodeResult(1, "Filename is not in the workspace")
    assert victim.read_text() == "precious"


@pytest.mark.parametrize(
    ("language", "code", "name"),
    [
        ("javascript", "// filename: a.js", "a.js"),
        ("js", "// test.js", "test.js"),
        ("css", "/* test.css */", "test.css"),
        ("html", "<!-- filename: a.html -->", "a.html"),
        ("html", "<!-- test.html -->", "test.html"),
    ],
)
def test_other_languages_have_comments_of_their_own(
    execute: Execute, work_dir: Path, language: str, code: str, name: str
) -> None:
    path = work_dir / name
    assert execute((language, code)) == CommandLineCodeResult(
        0, f"Code saved to {path}\n", str(path)
    )


# Languages and policies (4.3).


@pytest.mark.parametrize("language", ["python", "Python", "py", "PY", "python3"])
def test_python_has_many_names(execute: Execute, language: str) -> None:
    result = execute((language, "print(6 * 7)"))
    assert result.output == "42\n"
    assert str(result.code_file).endswith(".py")


@pytest.mark.parametrize("language", ["sh", "bash", "shell", "SH"])
def test_shells_are_run(execute: Execute, language: str) -> None:
    result = execute((language, "echo $((6 * 7))"))
    assert result.output == "42\n"
    assert str(result.code_file).endswith(".sh")


@pytest.mark.parametrize("language", ["Cobol", "", "python; rm", "../x", "{}"])
def test_an_unknown_language_ends_the_list(execute: Execute, make: Maker, language: str) -> None:
    result = execute(("sh", "echo a"), (language, "x"), ("sh", "echo b"))
    lower = language.lower()
    words = make.differs(
        docker=f"Unsupported language {lower}\n", local=f"\nunknown language {lower}"
    )
    assert (result.exit_code, result.output) == (1, f"a\n{words}")


@pytest.mark.parametrize(("language", "suffix"), [("html", "html"), ("js", "js")])
def test_what_is_not_to_be_run_is_saved(
    execute: Execute, work_dir: Path, language: str, suffix: str
) -> None:
    result = execute((language, "x"), ("sh", "echo next"))
    path = work_dir / f"tmp_code_9dd4e461268c8034f5c8564e155c67a6.{suffix}"
    assert result == CommandLineCodeResult(0, f"Code saved to {path}\nnext\n", str(path))
    assert path.read_text() == "x"


def test_what_cannot_be_run_is_saved_and_a_failure(shared: Executor, work_dir: Path) -> None:
    shared.execution_policies["css"] = True
    result = run(shared, ("css", "x"))
    shared.execution_policies["css"] = False
    path = work_dir / "tmp_code_9dd4e461268c8034f5c8564e155c67a6.css"
    words = f"{path} is saved, but css is not a language that can be run\n"
    assert result == CommandLineCodeResult(1, words, str(path))


def test_a_policy_is_a_dictionary_of_the_instance(shared: Executor) -> None:
    assert set(shared.execution_policies) == set(type(shared).DEFAULT_EXECUTION_POLICY)
    assert type(shared).DEFAULT_EXECUTION_POLICY["css"] is False
    shared.execution_policies["python"] = False
    try:
        assert run(shared, ("py", "print(1)")).output.startswith("Code saved to ")
    finally:
        shared.execution_policies["python"] = True


def test_a_missing_program_is_exit_code_127(make: Maker, tmp_path: Path) -> None:
    """PowerShell is looked for where the code runs, too."""
    (tmp_path / "bin").mkdir()
    options = make.differs(docker={}, local={"environment": {"PATH": str(tmp_path / "bin")}})
    executor = make(tmp_path, execution_policies={"javascript": True}, **options)
    result = run(executor, ("js", "1"))
    assert (result.exit_code, result.output) == (127, "node: not found\n")
    for language in ("pwsh", "powershell", "ps1"):
        result = run(executor, (language, "1"))
        assert (result.exit_code, result.output) == (127, "pwsh: not found\n")
        assert str(result.code_file).endswith(".ps1")


# Several blocks, output, exit codes, the limit (4.4).


def test_outputs_are_joined_and_the_first_failure_ends_the_list(
    execute: Execute, work_dir: Path
) -> None:
    first = ("python", "# filename: first.py\nprint('one', end='')")
    result = execute(first, ("sh", "echo two; exit 3"), ("sh", "echo three"))
    assert result == CommandLineCodeResult(3, "onetwo\n", str(work_dir / "first.py"))
    assert [(block.exit_code, block.output) for block in result.blocks] == [
        (0, "one"),
        (3, "two\n"),
    ]


def test_no_blocks_is_a_value_error(execute: Execute) -> None:
    with pytest.raises(ValueError, match=r"(?m)^No code blocks to execute\.$"):
        execute()


def test_output_and_errors_are_in_true_order(execute: Execute) -> None:
    code = "for i in 0 1 2; do echo o$i; echo e$i >&2; done"
    assert execute(("sh", code)).output == "o0\ne0\no1\ne1\no2\ne2\n"


def test_a_traceback_is_output_and_exit_code_1(execute: Execute) -> None:
    result = execute(("python", "1 / 0"))
    assert result.exit_code == 1
    assert result.output.endswith("ZeroDivisionError: division by zero\n")


def test_output_that_is_not_text_does_not_lose_the_result(execute: Execute) -> None:
    code = "import sys; sys.stdout.buffer.write(b'a\\xff\\xfeb')"
    assert execute(("python", code)).output == "a\ufffd\ufffdb"


def test_output_is_the_programs_and_unchanged(execute: Execute) -> None:
    text = "\n\n  spaced\t \r\n\u00e9\u4f8b\U0001f680 no end"
    assert execute(("python", f"import sys; sys.stdout.write({text!r})")).output == text


@pytest.mark.parametrize(
    ("language", "code", "exit_code"),
    [
        ("sh", "exit 124", 124),
        ("sh", "exit 7", 7),
        ("sh", "kill -9 $$", 137),
        ("sh", "kill -TERM $$", 143),
        ("python", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", 139),
        ("python", "import sys; sys.exit(5)", 5),
        ("python", "raise SystemExit", 0),
    ],
)
def test_an_exit_code_is_the_programs_or_128_and_the_signal(
    execute: Execute, language: str, code: str, exit_code: int
) -> None:
    """Also 124, which is not called a time-out when the program chose it."""
    result = execute((language, code))
    assert (result.exit_code, result.output) == (exit_code, "")
    assert not result.blocks[0].timed_out


SETSID: Final = (
    "import os, time\nif os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n"
    "  while True:\n   open('beat', 'a').write('x'); time.sleep(0.05)\n os._exit(0)\n"
    "print('before', flush=True)\ntime.sleep(60)"
)
DEAF: Final = "trap '' TERM\necho before\nwhile :; do echo x >> beat; sleep 0.05; done"


@pytest.mark.parametrize(("language", "code"), [("python", SETSID), ("sh", DEAF)])
def test_a_limit_ends_every_process_keeps_the_output_and_says_timeout(
    make: Maker, tmp_path: Path, language: str, code: str
) -> None:
    """Also those in a session of their own, and those that do not listen."""
    beat = tmp_path / "beat"

    def attempt(timeout: float) -> tuple[Executor, CommandLineCodeResult]:
        brief = make(tmp_path, timeout=timeout)
        return brief, run(brief, (language, code), ("sh", "echo never"))

    brief, result = with_enough_time(attempt, lambda _: beat.exists())
    assert (result.exit_code, result.output) == (124, "before\n\nTimeout")
    block = result.blocks[0]
    assert (block.timed_out, block.stdout) == (True, "before\n")
    size = beat.stat().st_size
    time.sleep(0.3)
    assert beat.stat().st_size == size
    assert run(brief, ("sh", "echo on")).output == "on\n"


def test_who_holds_the_output_is_waited_for(execute: Execute) -> None:
    assert execute(("sh", "(sleep 0.3; echo late) & echo soon")).output == "soon\nlate\n"


# What a result knows beside its three fields.


def test_a_result_is_mutable_and_knows_its_blocks(execute: Execute) -> None:
    result = execute(("sh", "echo a"), ("sh", "echo b"))
    assert [block.stdout for block in result.blocks] == ["a\n", "b\n"]
    assert all(block.seconds > 0 and not block.truncated for block in result.blocks)
    assert len({block.code_file for block in result.blocks}) == 2
    result.output = "mine"
    assert result.output == "mine"


def test_a_block_tells_its_files(execute: Execute, work_dir: Path) -> None:
    (work_dir / "mine.txt").write_text("x")
    code = (
        "import os\nos.makedirs('plots', exist_ok=True)\n"
        "open('plots/a.png', 'wb').write(b'12345')\nopen('mine.txt', 'a').write('y')"
    )
    result = execute(("python", code), ("sh", "cat mine.txt"))
    assert result.blocks[0].files == (
        FileChange(str(work_dir / "mine.txt"), 2, "text/plain"),
        FileChange(str(work_dir / "plots/a.png"), 5, "image/png"),
    )
    assert result.blocks[1].files == ()


def test_of_too_much_output_the_ends_are_kept_and_a_log_has_it(make: Maker, tmp_path: Path) -> None:
    executor = make(tmp_path, output_limit=1000)
    result = run(executor, ("python", "for n in range(1000): print(n)"))
    block = result.blocks[0]
    assert block.truncated
    assert result.output.startswith("0\n1\n")
    assert result.output.endswith("998\n999\n")
    assert len(result.output) < 1100
    assert block.log_file == f"{block.code_file}.log"
    assert Path(block.log_file).read_text() == "".join(f"{n}\n" for n in range(1000))
    assert block.files == ()


def test_streams_may_be_had_apart(make: Maker, tmp_path: Path) -> None:
    executor = make(tmp_path, separate_streams=True)
    block = run(executor, ("sh", "echo e >&2; echo o")).blocks[0]
    assert (block.stdout, block.stderr, block.output) == ("o\n", "e\n", "o\ne\n")


def test_output_can_be_had_as_it_comes(shared: Executor) -> None:
    """Both streams apart, each in its own order; the result is the last."""
    blocks = [CodeBlock("echo a; echo b >&2; exit 3", "sh"), CodeBlock("echo never", "sh")]
    *told, result = shared.stream(blocks)
    assert {(one.block, one.stream, one.text) for one in told if isinstance(one, Output)} == {
        (0, "stdout", "a\n"),
        (0, "stderr", "b\n"),
    }
    assert isinstance(result, CommandLineCodeResult)
    assert (result.exit_code, result.blocks[0].stderr) == (3, "b\n")
    with pytest.raises(ValueError, match=r"(?m)^No code blocks to execute\.$"):
        shared.stream([])


def test_blocks_can_be_awaited_and_a_cancelled_task_has_ended_them(shared: Executor) -> None:
    beat = shared.work_dir / "beat"

    async def story() -> None:
        result = await shared.aexecute_code_blocks([CodeBlock("echo a", "sh")])
        assert result.output == "a\n"
        task = asyncio.create_task(shared.aexecute_code_blocks([CodeBlock(DEAF, "sh")]))
        while not beat.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        size = beat.stat().st_size
        await asyncio.sleep(0.3)
        assert beat.stat().st_size == size

    asyncio.run(story())


def test_a_closed_stream_has_ended_what_outlives_the_program_of_its_block(
    shared: Executor,
) -> None:
    """The program itself has ended; what it left holds the output."""
    beat = shared.work_dir / "left"
    code = "(while :; do echo x >> left; sleep 0.05; done) &\necho on"
    stream = shared.stream([CodeBlock(code, "sh")])
    next(stream)
    while not beat.exists():
        time.sleep(0.01)
    stream.close()
    size = beat.stat().st_size
    time.sleep(0.3)
    assert beat.stat().st_size == size


# Construction, life and death (2.3, 2.4, 4.5, 4.6).


@pytest.mark.parametrize("kind", ["docker", "local"])
def test_the_class_itself_satisfies_the_protocol(kind: str) -> None:
    """AutoGen's own suites ask it of the class object."""
    assert isinstance(CLASSES[kind], CodeExecutor)


DOCKERS: Final = """image container_name timeout work_dir bind_dir auto_remove stop_container
execution_policies"""
LOCALS: Final = """timeout virtual_env_context work_dir functions functions_module
execution_policies"""


@pytest.mark.parametrize(("kind", "names"), [("docker", DOCKERS), ("local", LOCALS)])
def test_positional_parameters_are_those_of_autogen(kind: str, names: str) -> None:
    parameters = inspect.signature(CLASSES[kind]).parameters.values()
    positional = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert positional == names.split()


@pytest.mark.parametrize("kind", ["docker", "local"])
def test_arguments_are_checked_before_anything_is_made(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"(?m)^Timeout must be greater than or equal to 1\.$"):
        CLASSES[kind](timeout=0, work_dir=tmp_path / "x")
    assert not (tmp_path / "x").exists()
    with pytest.raises(FileNotFoundError):
        CLASSES[kind](work_dir=tmp_path / "no" / "such")


def test_an_executor_knows_its_arguments(
    make: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    executor = make(".", timeout=10)
    assert (executor.timeout, str(executor.work_dir)) == (10, ".")
    assert isinstance(executor, CodeExecutor)
    assert isinstance(executor.code_extractor, MarkdownCodeExtractor)
    with executor as entered:
        assert entered is executor
        assert run(executor, ("sh", "echo a")).output == "a\n"
    executor.stop()


def test_a_restart_keeps_the_files(shared: Executor, make: Maker) -> None:
    run(shared, ("sh", "echo x > kept"))
    if make.kind == "local":
        with pytest.warns(UserWarning, match=r"No action is taken\.$"):
            shared.restart()
    else:
        shared.restart()
    assert run(shared, ("sh", "cat kept")).output == "x\n"


def test_any_object_with_code_and_language_is_a_block(shared: Executor) -> None:
    class Foreign:
        code = "echo foreign"
        language = "sh"

    assert shared.execute_code_blocks(code_blocks=[Foreign()]).output == "foreign\n"


# pip, the guard, functions (4.8).


def test_installs_are_made_quiet_in_the_file_and_in_its_name(execute: Execute) -> None:
    result = execute(("sh", "exit 0\npip install x\npip install -qqq y"))
    path = Path(str(result.code_file))
    assert path.read_text() == "exit 0\npip install -qqq x\npip install -qqq y"
    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    assert path.name == f"tmp_code_{digest}.sh"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("rm -rf x", "Use of 'rm -rf' command is not allowed."),
        ("mv x /dev/null", "Moving files to /dev/null is not allowed."),
        ("dd if=x", "Use of 'dd' command is not allowed."),
        ("echo x > /dev/sda1", "Overwriting disk blocks directly is not allowed."),
        (":(){ :|:& };:", "Fork bombs are not allowed."),
    ],
)
def test_the_local_one_alone_guards_against_accidents(
    make: Maker, shared: Executor, code: str, reason: str
) -> None:
    block = CodeBlock(f"exit 0\n{code}", "Bash")
    if make.kind == "docker":
        assert shared.execute_code_blocks([block]).exit_code == 0
        return
    with pytest.raises(ValueError, match=r"^Potentially dangerous command detected: ") as caught:
        shared.execute_code_blocks([block])
    assert str(caught.value).endswith(reason)


def shout(text: str) -> str:
    """Say it loudly."""
    return text.upper()


TEXT: Final = 'def whisper(text: str) -> str:\n    """Caf\u00e9."""\n    return text.lower()\n'


def test_functions_can_be_imported(make: Maker, tmp_path: Path) -> None:
    made: list[Any] = [shout, FunctionWithRequirements.from_str(TEXT)]
    executor = make(tmp_path, functions=made, functions_module="voices")
    code = "from voices import shout, whisper\nprint(shout('a'), whisper('B'))"
    assert run(executor, ("python", code)).output == "A b\n"
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} == {".py"}
    assert len([path for path in tmp_path.iterdir() if path.is_file()]) == 2
    prompt = executor.format_functions_for_prompt()
    assert 'def shout(text: str) -> str:\n    """Say it loudly."""\n' in prompt
    assert executor.format_functions_for_prompt("$module_name") == "voices"


def test_functions_that_cannot_be_loaded_are_a_value_error(make: Maker, tmp_path: Path) -> None:
    broken = FunctionWithRequirements.from_callable(shout, global_imports=["no_such_module"])
    executor = make(tmp_path, functions=[broken])
    with pytest.raises(ValueError, match=r"(?s)^Functions failed to load: .*no_such_module"):
        run(executor, ("sh", "echo never"))


@pytest.mark.parametrize("kind", ["docker", "local"])
def test_a_module_of_functions_needs_a_name(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"(?m)^Module name must be a valid Python identifier$"):
        CLASSES[kind](work_dir=tmp_path, functions=[shout], functions_module="a-b")
