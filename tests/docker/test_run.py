"""`toolkit run` on a real engine: what goes through it, and which image it runs in."""

from __future__ import annotations

import os

import pytest

from tests.docker.conftest import Answer, Cli
from toolkit import image
from toolkit.engine import Engine
from toolkit.reference import ImageReference

pytestmark = pytest.mark.docker


class Run:
    """The command in the local base, which has Python and `sh`."""

    def __init__(self, cli: Cli, base: str) -> None:
        self.cli = cli
        self.image = ("--image", base)

    def __call__(self, *arguments: str) -> Answer:
        return self.cli("run", *self.image, *arguments)


@pytest.fixture
def run(cli: Cli, base_image: str) -> Run:
    return Run(cli, base_image)


# What goes through.


def test_the_streams_and_the_exit_code_are_the_programs_own(run: Run) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    assert run("-c", code) == Answer(7, "out\n", "err\n")


def test_a_program_that_a_signal_ends_has_the_shells_exit_code(run: Run) -> None:
    assert run("-c", "import os; os.kill(os.getpid(), 15)").code == 128 + 15


def test_output_comes_through_while_the_program_runs(run: Run) -> None:
    """It goes on only when we have seen its first line: the answer is a file in the work dir."""
    (run.cli.folder / "shared").mkdir()
    code = (
        "import os, time\n"
        "print('first', flush=True)\n"
        "while not os.path.exists('go on'): time.sleep(0.01)\n"
        "print('second')\n"
    )
    process = run.cli.start("run", *run.image, "--work-dir", "shared", "-c", code)
    assert process.stdout is not None
    first = process.stdout.readline()
    (run.cli.folder / "shared" / "go on").touch()
    assert first == "first\n"
    assert run.cli.ended(process) == Answer(0, "second\n", "")


def test_any_byte_comes_through(run: Run) -> None:
    """What is no text is not changed on its way; the test's own pipes decode it."""
    code = "import os; os.write(1, bytes(range(128)) * 3); os.write(2, 'ü\\n'.encode())"
    answer = run("-c", code)
    assert answer.code == 0
    assert answer.stderr == "ü\n"
    assert answer.stdout == ("".join(map(chr, range(128))) * 3).replace("\r", "\n")


def test_a_file_is_run_with_its_arguments_as_its_name_says(run: Run) -> None:
    """Options behind the first argument are the program's."""
    run.cli.write("import sys", "print(*sys.argv[1:])", file="tools/args.py")
    run.cli.write('echo "$0" "$@"', file="args.sh")
    run.cli.write("print('no suffix, so Python')", file="plain")
    assert run("tools/args.py", "--timeout", "a b").stdout == "--timeout a b\n"
    assert run("args.sh", "-c", "x").stdout == "/tmp/args.sh -c x\n"
    assert run("plain").stdout == "no suffix, so Python\n"
    code = "import sys; print(sys.argv)"
    assert run("-c", code, "x", "--deps").stdout == "['-c', 'x', '--deps']\n"


def test_its_input_is_empty(run: Run) -> None:
    assert run("-c", "import sys; print(sys.stdin.read() == '')").stdout == "True\n"


def test_nothing_of_this_machine_is_seen_but_the_work_dir(run: Run) -> None:
    """What is written there is the caller's."""
    (run.cli.folder / "shared").mkdir()
    code = "import os; print(os.listdir()); open('made', 'w').close()"
    assert run("-c", code).stdout == "[]\n"
    assert run("--work-dir", "shared", "-c", code).stdout == "[]\n"
    assert (run.cli.folder / "shared" / "made").stat().st_uid == os.geteuid()
    assert run("--work-dir", "shared", "-c", code).stdout == "['made']\n"


def test_a_work_dir_that_is_copied_is_the_same_before_and_after(run: Run) -> None:
    """Its files are the caller's, as are those of one that is shared."""
    (folder := run.cli.folder / "copied").mkdir()
    (folder / "asked").write_text("x")
    code = "import os; print(os.listdir()); os.remove('asked'); open('made', 'w').close()"
    copied = ("--work-dir", "copied", "--transfer", "copy")
    assert run(*copied, "-c", code) == Answer(0, "['asked']\n", "")
    assert [path.name for path in folder.iterdir()] == ["made"]
    assert (folder / "made").stat().st_uid == os.geteuid()
    too_large = "open('holes', 'w').truncate(5 << 30)"
    error, hint = run(*copied, "-c", too_large).refused(125)
    assert error.endswith(": more than 1024 MiB are new")
    assert hint == "keep what cannot be copied out of the work dir, or share it"


def test_a_work_dir_may_be_given_by_its_path_on_the_host(run: Run) -> None:
    (folder := run.cli.folder / "shared").mkdir()
    given = ("--work-dir", "shared", "--bind-dir")
    assert run(*given, str(folder), "-c", "print(1)") == Answer(0, "1\n", "")
    error, _ = run(*given, "/usr", "-c", "print(1)").refused(125)
    assert error == "folder /usr of the engine's host is not the folder shared of this process"


def test_the_end_of_its_time_is_exit_code_124(run: Run) -> None:
    assert run("--timeout", "1", "-c", "import time; time.sleep(600)").code == 124


def test_a_profile_and_a_network_reach_the_container(run: Run) -> None:
    code = "import os; print(os.listdir('/sys/class/net'), os.access('/usr', os.W_OK))"
    root = os.geteuid() == 0
    assert run("--network", "none", "-c", code).stdout == f"['lo'] {root}\n"
    assert run("--profile", "strict", "-c", code).stdout == "['lo'] False\n"


def test_verbose_tells_which_engine_it_is_and_why_and_what_a_folder_is_to_it(
    run: Run, first_engine: Engine
) -> None:
    (folder := run.cli.folder / "shared").mkdir()
    code = ("run", *run.image, "--work-dir", "shared", "-c", "print(1)")
    address = first_engine.endpoint.address
    answer = run.cli("-v", *code, env={"DOCKER_HOST": address})
    assert (answer.code, answer.stdout) == (0, "1\n")
    assert answer.stderr.splitlines()[:2] == [
        f"the engine is {address}: DOCKER_HOST says so",
        f"folder shared is {folder} to the engine: its path is the same on the engine's host",
    ]
    assert run.cli(*code, env={"DOCKER_HOST": address}).stderr == ""


# Which image.


def test_without_an_image_it_is_the_one_that_the_environment_names(
    run: Run, base_image: str
) -> None:
    """The variable is the executors'; the command line and `--deps` go before it."""
    other = "toolkit-test-default.invalid/none:1"
    named = {image.DEFAULT_VARIABLE: base_image}
    assert run.cli("run", "-c", "print(1)", env=named) == Answer(0, "1\n", "")
    nowhere = {image.DEFAULT_VARIABLE: other}
    error, _ = run.cli("run", "-c", "print(1)", env=nowhere).refused(125)
    assert error.startswith(f"the image {other} could not be pulled: ")
    given = run.cli("run", "--image", base_image, "-c", "print(1)", env=nowhere)
    assert given == Answer(0, "1\n", "")


def test_the_image_of_a_requirements_file_is_built_and_then_reused(
    cli: Cli, name: str, first_engine: Engine
) -> None:
    """Its name is the catalogue's or `env`, so it is found by its tag and removed here."""
    wheel = cli.wheel("tk_ran", {"tk_ran.py": f"NAME = {name!r}\n"})
    cli.write(wheel)
    run = ("run", "--deps", "requirements.txt", "-c", "import tk_ran; print(tk_ran.NAME)")
    nowhere = {image.DEFAULT_VARIABLE: "toolkit-test-default.invalid/none:1"}
    built = cli(*run, env=nowhere)
    assert (built.code, built.stdout) == (0, f"{name}\n"), built.stderr
    assert "Verifying" in built.stderr
    reference = built.stderr.partition("Building ")[2].partition("\n")[0]
    try:
        assert cli(*run) == Answer(0, f"{name}\n", "")
        assert cli(*run[:1], "--quiet", *run[1:]).stderr == ""
    finally:
        first_engine.remove_image(str(ImageReference.parse(reference)))


# What it refuses.


def test_a_file_that_does_not_exist_is_our_failure_and_starts_nothing(run: Run) -> None:
    assert run("gone.py").refused(125) == (
        "gone.py: no such file or directory",
        "name a file of Python or shell code, or give code with -c",
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Give a FILE or -c CODE."),
        (("--image", "x", "--deps", "y", "-c", "z"), "Give either --image or --deps."),
        (("--timeout", "0", "-c", "z"), "0.0 is not in the range x>=0.001."),
        (("--work-dir", "gone", "-c", "z"), "Directory 'gone' does not exist."),
        (("--bind-dir", "/x", "-c", "z"), "Give --work-dir with --bind-dir."),
        (
            ("--bind-dir", "/x", "--work-dir", ".", "--transfer", "copy", "-c", "z"),
            "Give either --bind-dir or --transfer copy.",
        ),
    ],
)
def test_wrong_use_is_exit_code_2(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    answer = cli("run", *arguments)
    assert answer.code == 2
    assert answer.stderr.endswith(f"{words}\n")


def test_a_wrong_image_is_our_failure(run: Run) -> None:
    error, hint = run.cli("run", "--image", "No Image", "-c", "print(1)").refused(125)
    assert error.startswith("image reference 'No Image' has ")
    assert hint.startswith("use lower-case letters")
