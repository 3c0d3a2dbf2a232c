"""What is the local executor's own; the rest is in tests/docker/test_executor_contract."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from toolkit.coding import (
    CodeBlock,
    CommandLineCodeResult,
    LocalCommandLineCodeExecutor,
    create_virtual_env,
    with_requirements,
)
from toolkit.coding.sanitizing import sanitize_command
from toolkit.coding.virtual_env import interpreter
from toolkit.worker.result import Cancellation

WHICH = CodeBlock("import sys; print(sys.executable, sys.prefix)", "python")


def run(executor: LocalCommandLineCodeExecutor, language: str, code: str) -> CommandLineCodeResult:
    return executor.execute_code_blocks([CodeBlock(code, language)])


@pytest.fixture
def executor(tmp_path: Path) -> LocalCommandLineCodeExecutor:
    return LocalCommandLineCodeExecutor(work_dir=tmp_path)


def test_python_is_the_one_that_runs_the_application_also_for_shells(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    expected = f"{sys.executable} {sys.prefix}\n"
    assert executor.execute_code_blocks([WHICH]).output == expected
    assert run(executor, "sh", f"python -c '{WHICH.code}'").output == expected


def test_a_work_dir_that_leads_nowhere_is_an_error_that_says_so(tmp_path: Path) -> None:
    """As a link to a folder of the host does, in a container."""
    link = tmp_path / "link"
    link.symlink_to("/no/such/folder")
    with pytest.raises(ValueError, match="is a link to /no/such/folder, which is not there") as it:
        LocalCommandLineCodeExecutor(work_dir=link)
    assert str(it.value) == f"work_dir {link} is a link to /no/such/folder, which is not there"


def test_a_program_s_file_is_absolute_and_its_folder_on_the_path(
    executor: LocalCommandLineCodeExecutor, tmp_path: Path
) -> None:
    code = "# filename: sub/a.py\nimport sys; print(sys.argv, sys.path[0])"
    assert run(executor, "python", code).output == f"['{tmp_path}/sub/a.py'] {tmp_path}/sub\n"


def test_the_environment_is_the_callers_or_the_given_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    shown = LocalCommandLineCodeExecutor(work_dir=tmp_path)
    assert run(shown, "sh", "echo $SECRET").output == "x\n"
    monkeypatch.delenv("SECRET")
    assert run(shown, "sh", "echo $SECRET").output == "\n"
    hidden = LocalCommandLineCodeExecutor(work_dir=tmp_path, environment={"A": "b"})
    code = "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}), os.environ['A'])"
    assert run(hidden, "python", code).output == "['A', 'PATH'] b\n"


def test_a_block_does_not_read_what_is_meant_for_the_application(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom toolkit.coding import CodeBlock, LocalCommandLineCodeExecutor as Local\n"
        "block = CodeBlock('print(repr(input()))', 'python')\n"
        "print(Local(work_dir=sys.argv[1]).execute_code_blocks([block]).exit_code, input())"
    )
    argv = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(argv, input="mine\n", capture_output=True, text=True, check=True)
    assert ended.stdout == "1 mine\n"


def test_a_virtual_environment_is_made_once_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a relative path, as on AutoGen's page; the work dir is another folder."""
    monkeypatch.chdir(tmp_path)
    context = create_virtual_env(".venv", with_pip=False)
    made = Path(".venv/pyvenv.cfg").stat().st_ino
    context = create_virtual_env(".venv", with_pip=False)
    assert Path(".venv/pyvenv.cfg").stat().st_ino == made
    executor = LocalCommandLineCodeExecutor(virtual_env_context=context, work_dir="coding")
    folder = tmp_path / ".venv"
    own = Path(context.env_exe).absolute()
    monkeypatch.chdir("coding")
    executor.work_dir.mkdir()
    assert executor.execute_code_blocks([WHICH]).output == f"{own} {folder}\n"
    found = run(executor, "sh", "command -v python").output
    assert found == f"{folder}/bin/python\n"


def test_an_environment_has_pip_unless_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when other arguments are given, which AutoGen's own forgets."""
    import venv

    asked: list[object] = []
    original = venv.EnvBuilder.__init__

    def record(self: venv.EnvBuilder, *args: object, **options: object) -> None:
        asked.append(options.pop("with_pip"))
        original(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(venv.EnvBuilder, "__init__", record)
    create_virtual_env(tmp_path / "a")
    create_virtual_env(tmp_path / "b", system_site_packages=True)
    create_virtual_env(tmp_path / "c", with_pip=False)
    assert asked == [True, True, False]


def test_any_object_with_two_attributes_is_an_environment(tmp_path: Path) -> None:
    """Made by other tools, with texts or paths, relative or not."""
    context = SimpleNamespace(bin_path=tmp_path / "bin", env_exe="here/python")
    found = interpreter(context)
    assert found.program == str(Path.cwd() / "here/python")
    assert found.environment({"PATH": "/x"}) == {"PATH": f"{tmp_path}/bin:/x"}
    assert found.environment({})["PATH"].startswith(f"{tmp_path}/bin:")


def test_packages_are_installed_into_the_environment_of_the_blocks(tmp_path: Path) -> None:
    """By its own interpreter; here one that only notes what it was asked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = folder / "python"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    fake.chmod(0o755)

    @with_requirements(["one", "two"], ["abc"])
    def function() -> None: ...

    context = SimpleNamespace(bin_path=str(folder), env_exe=str(fake))
    executor = LocalCommandLineCodeExecutor(60, context, tmp_path / "work", [function])
    (tmp_path / "work" / "other").touch()
    run(executor, "sh", "true")
    assert (tmp_path / "asked").read_text().splitlines() == [
        "-m pip install one two",
        "-B -c import functions",
    ]


def test_a_cancellation_ends_a_block_and_not_the_executor(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    cancellation = Cancellation()
    begun = executor.work_dir / "begun"

    def cancel() -> None:
        while not begun.exists():
            time.sleep(0.01)
        cancellation.cancel()

    threading.Thread(target=cancel, daemon=True).start()
    blocks = [CodeBlock("echo a; echo > begun; exec sleep 60", "sh"), CodeBlock("echo b", "sh")]
    result = executor.execute_code_blocks(blocks, cancellation=cancellation)
    assert result.exit_code != 0
    assert result.output == "a\n"
    assert [block.cancelled for block in result.blocks] == [True]
    assert run(executor, "sh", "echo on").output == "on\n"


def test_several_threads_may_use_one_executor(executor: LocalCommandLineCodeExecutor) -> None:
    outputs: dict[int, str] = {}

    def work(number: int) -> None:
        outputs[number] = run(executor, "sh", f"sleep 0.1; echo {number}").output

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == {number: f"{number}\n" for number in range(8)}


def test_nothing_stays_open(executor: LocalCommandLineCodeExecutor) -> None:
    run(executor, "sh", "true")
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names
    for _ in range(3):
        run(executor, "sh", "echo x")
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above


@pytest.mark.parametrize(
    "code",
    [
        "rm -rf /tmp/x",
        "rm -fr x",
        "rm -r -f x",
        "rm -f -R x",
        "rm -v --recursive --force x",
        "true; rm  -Rvf x",
        "sudo rm -rf x",
    ],
)
def test_every_way_to_remove_by_force_is_one(code: str) -> None:
    for language in ("sh", "bash", "shell"):
        with pytest.raises(ValueError, match=r"(?m)'rm -rf' command is not allowed\.$"):
            sanitize_command(language, code)
    sanitize_command("python", code)


@pytest.mark.parametrize(
    "code",
    [
        "rm -r x",
        "rm -f x",
        "rm x-rf",
        "farm -rf",
        "mv a b",
        "mv a b\necho /dev/null",
        "ls > /dev/null",
        "add x",
        "echo x > /dev/shm/x",
    ],
)
def test_what_is_harmless_passes(code: str) -> None:
    sanitize_command("sh", code)


@pytest.mark.parametrize("unit", ["rm ", "rm -r ", "mv ", "mv\t", "> ", ":() { ", "-r "])
def test_the_guard_reads_long_code_at_once(unit: str) -> None:
    """What is quadratic takes minutes for these."""
    started = time.process_time()
    sanitize_command("sh", "rm " + unit * 100_000)
    sanitize_command("sh", unit * 100_000)
    assert time.process_time() - started < 10
