"""A work dir that is copied: every kind of change, in both directions, and what must not happen."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from toolkit.coding import CodeBlock, DockerCommandLineCodeExecutor
from toolkit.coding.results import CommandLineCodeResult
from toolkit.engine import Engine
from toolkit.errors import ContainerError, ExecError, StartError
from toolkit.mirror.records import Record

pytestmark = pytest.mark.docker

KEY = "toolkit-test-transfer"
RUN = uuid.uuid4().hex
OWNER = 1234


@pytest.fixture(scope="module")
def options(first_engine: Engine, base_image: str) -> Iterator[dict[str, Any]]:
    """The code is another user than we are, as in a container of another machine's user."""
    yield {
        "image": base_image,
        "labels": {KEY: RUN},
        "engine": first_engine,
        "user": f"{OWNER}:{OWNER}",
        "network": "none",
        "transfer": "copy",
    }
    assert first_engine.list_containers(f"{KEY}={RUN}") == []


@pytest.fixture(scope="module")
def executor(
    options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DockerCommandLineCodeExecutor]:
    work = tmp_path_factory.mktemp("work")
    with DockerCommandLineCodeExecutor(work_dir=work, **options) as made:
        yield made


@pytest.fixture
def work(executor: DockerCommandLineCodeExecutor) -> Path:
    """Empty, here and, after the next block, there."""
    for path in sorted(executor.work_dir.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    return executor.work_dir


def sh(executor: DockerCommandLineCodeExecutor, code: str) -> CommandLineCodeResult:
    return executor.execute_code_blocks([CodeBlock(f"# filename: block.sh\n{code}", "sh")])


def said(executor: DockerCommandLineCodeExecutor, code: str) -> str:
    result = sh(executor, code)
    assert result.exit_code == 0, result.output
    return result.output


def run(executor: DockerCommandLineCodeExecutor, code: str) -> str:
    """What a command says that leaves no file of its own."""
    result = executor.run(["sh", "-c", code])
    assert result.exit_code == 0, result.stderr
    return result.stdout.decode()


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")} - {"block.sh"}


def modified(result: CommandLineCodeResult, work: Path) -> set[str]:
    return {os.path.relpath(change.path, work) for change in result.blocks[0].files}


def each_helper(act: str) -> str:
    """A command that does something for each helper there is, whose folder is `$place`."""
    find = "for place in /proc/[0-9]*; do grep -qs toolkit-mirror $place/cmdline"
    return f"{find} && {act}; done; true"


def signalling(signal: str) -> str:
    return each_helper(f"kill -{signal} ${{place#/proc/}}")


# From here to there.


def test_everything_of_the_folder_is_there_with_its_modes_and_is_the_codes(
    executor: DockerCommandLineCodeExecutor, work: Path
) -> None:
    (work / "empty/inner").mkdir(parents=True)
    (work / "program").write_text("#!/bin/sh\necho ran\n")
    (work / "program").chmod(0o750)
    (work / "data ö\n").write_bytes(b"\0\xff")
    (work / "locked").mkdir()
    (work / "locked/file").write_text("x")
    (work / "locked").chmod(0o555)
    (work / "link").symlink_to("locked/file")
    (work / "outside").symlink_to("/etc/passwd")
    os.utime(work / "program", (1_000_000_000, 1_000_000_000))
    told = said(
        executor,
        "./program; stat -c '%a %u %Y' program; stat -c '%a %F' locked empty/inner; readlink link\n"
        "cat link; echo; cat data*; ls; id -u; touch program 2>/dev/null && echo mine",
    )
    (work / "locked").chmod(0o755)
    assert told.splitlines() == [
        "ran",
        f"750 {OWNER} 1000000000",
        "555 directory",
        "755 directory",
        "locked/file",
        "x",
        *("\0\N{REPLACEMENT CHARACTER}block.sh", "data ö", ""),
        *("empty", "link", "locked", "program", str(OWNER), "mine"),
    ]


def test_what_is_changed_and_removed_here_is_there(
    executor: DockerCommandLineCodeExecutor, work: Path
) -> None:
    (work / "folder").mkdir()
    for name in ("folder/a", "changed", "becomes", "gone"):
        (work / name).write_text("old")
    assert said(executor, "cat changed becomes folder/a gone") == "old" * 4
    (work / "changed").write_text("new")  # as long as it was
    (work / "gone").unlink()
    (work / "folder/a").unlink()
    (work / "folder").rmdir()
    (work / "folder").write_text("file")
    (work / "becomes").unlink()
    (work / "becomes").mkdir()
    told = said(executor, "cat changed; cat folder; test -d becomes && ls")
    assert told == "newfilebecomes\nblock.sh\nchanged\nfolder\n"


# From there to here.


def test_everything_that_a_block_made_is_here_and_ours(
    executor: DockerCommandLineCodeExecutor, work: Path
) -> None:
    result = sh(
        executor,
        "mkdir -p made/empty; echo text > made/file; chmod 750 made/file; ln -s file made/link\n"
        "printf 'x' > 'odd ö\n'; chmod 700 made; chmod 6755 made/file; mkfifo pipe\n"
        "ln -s /etc/passwd outside; ln -s ../.. made/above",
    )
    assert result.exit_code == 0, result.output
    assert names(work) == {"made", "made/empty", "made/file", "made/link", "odd ö\n"}
    assert (work / "made/file").read_text() == "text\n"
    assert stat.S_IMODE((work / "made/file").stat().st_mode) == 0o755  # less than was asked
    assert stat.S_IMODE((work / "made").stat().st_mode) == 0o700
    assert (work / "made/link").readlink() == Path("file")
    assert {path.lstat().st_uid for path in work.rglob("*")} == {os.getuid()}
    assert modified(result, work) == {"made/file", "odd ö\n"}
    assert result.code_file == str(work / "block.sh")


def test_what_a_block_changed_and_removed_is_so_here(
    executor: DockerCommandLineCodeExecutor, work: Path
) -> None:
    (work / "folder/inner").mkdir(parents=True)
    for name in ("folder/a", "folder/inner/b", "changed", "kept", "becomes"):
        (work / name).write_text("old")
    kept = (work / "kept").lstat()
    result = sh(
        executor, "rm -r folder; echo new > changed; rm becomes; mkdir becomes; chmod 600 kept"
    )
    assert result.exit_code == 0, result.output
    assert names(work) == {"changed", "kept", "becomes"}
    assert (work / "changed").read_text() == "new\n"
    assert (work / "becomes").is_dir()
    assert stat.S_IMODE((work / "kept").stat().st_mode) == 0o600
    assert modified(result, work) == {"changed", "kept"}
    assert (work / "kept").stat().st_mtime_ns == kept.st_mtime_ns
    assert modified(sh(executor, "true"), work) == set()


def test_what_this_process_does_meanwhile_is_not_lost(
    executor: DockerCommandLineCodeExecutor, work: Path
) -> None:
    """A block removes what was changed here since, and a folder with something new in it."""
    (work / "folder").mkdir()
    (work / "changed").write_text("old")
    for piece in executor.stream([CodeBlock("rm -r folder changed; echo go; sleep 0.5", "sh")]):
        if getattr(piece, "text", "") == "go\n":
            (work / "folder/new").write_text("x")
            (work / "changed").write_text("newer")
    assert (work / "folder/new").read_text() == "x"
    assert (work / "changed").read_text() == "newer"
    assert said(executor, "cat folder/new changed") == "xnewer"


def test_the_roads_beside_blocks(executor: DockerCommandLineCodeExecutor, work: Path) -> None:
    (work / "here").write_text("of here")
    assert executor.get("here") == b"of here"
    executor.put(b"put", "folder/there")
    assert (work / "folder/there").read_bytes() == b"put"
    assert executor.run(["sh", "-c", "cat here; rm here; echo x > run"]).stdout == b"of here"
    assert names(work) == {"folder", "folder/there", "run"}


def test_a_log_a_function_and_a_file_that_is_not_kept(
    options: dict[str, Any], tmp_path: Path
) -> None:
    def seven() -> int:
        """Give a number."""
        return 7

    settings: dict[str, Any] = {"delete_tmp_files": True, "functions": [seven], "output_limit": 10}
    with DockerCommandLineCodeExecutor(
        work_dir=tmp_path, init_command="touch made", **options, **settings
    ) as executor:
        blocks = [CodeBlock("from functions import seven\nprint(seven())", "python")]
        assert executor.execute_code_blocks(blocks).output == "7\n"
        result = executor.execute_code_blocks([CodeBlock("seq 100; ls", "sh")])
        assert result.blocks[0].files == ()
        log = result.blocks[0].log_file
        assert log is not None
        assert Path(log).read_text().startswith("1\n2\n")
        found = executor.run(["ls"]).stdout.decode().split()
        assert sorted(found) == sorted(path.name for path in tmp_path.iterdir())
        assert {"made", "functions.py", Path(log).name} <= set(found)


# What must not happen.


def test_a_new_container_removes_nothing_here(options: dict[str, Any], tmp_path: Path) -> None:
    """Nor does one that dies while a block runs, after it has removed all."""
    (tmp_path / "precious").write_text("mine")
    with DockerCommandLineCodeExecutor(work_dir=tmp_path, **options) as executor:
        for piece in executor.stream([CodeBlock("rm precious; echo go; sleep 60", "sh")]):
            if getattr(piece, "text", "") == "go\n":
                options["engine"].remove_container(executor.container_id)
                break
        with pytest.raises(ContainerError):
            said(executor, "true")
        executor.restart()
        assert said(executor, "cat precious") == "mine"
        assert (tmp_path / "precious").read_text() == "mine"


def test_what_is_in_a_folder_that_cannot_be_read_stays(
    executor: DockerCommandLineCodeExecutor, work: Path
) -> None:
    (work / "folder").mkdir()
    (work / "folder/file").write_text("x")
    said(executor, "chmod 0 folder")
    assert (work / "folder/file").read_text() == "x"
    (work / "folder/file").write_text("new")
    assert said(executor, "chmod 755 folder; cat folder/file") == "new"


def test_too_much_is_the_blocks_failure_and_nothing_is_removed(
    executor: DockerCommandLineCodeExecutor, work: Path
) -> None:
    """A file of holes is as long as it says."""
    (work / "file").write_text("x")
    result = sh(executor, "truncate -s 5G holes; rm file; echo done")
    assert (result.exit_code, result.output) == (
        1,
        "done\n\nNot copied out of the container: more than 1024 MiB are new\n",
    )
    assert names(work) == {"file"}
    assert said(executor, "rm holes; echo better") == "better\n"
    assert names(work) == set()


def test_too_much_here_is_an_error_and_nothing_of_it_is_sent(
    executor: DockerCommandLineCodeExecutor, work: Path
) -> None:
    with (work / "holes").open("wb") as file:
        file.truncate((1 << 30) + 1)
    (work / "small").touch()
    words = (
        r"(?m)^folder .* cannot be copied into container .*: it has more than 1024 MiB that are new"
    )
    with pytest.raises(ExecError, match=words):
        executor.run(["true"])
    (work / "holes").unlink()
    assert run(executor, "ls small holes 2>&1; true").endswith("\nsmall\n")


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (f"bytes({list(Record(b'=', b'../../stolen').encode())})", "the path b'../../stolen'"),
        ('b"noise" * 10', "a record of kind b'n'"),
        ("os.kill(os.getpid(), 9)", "the helper ended with exit code 137"),
        ('b""', "the helper ended with exit code 0"),
    ],
)
def test_a_helper_that_the_code_replaced_changes_nothing(
    options: dict[str, Any], tmp_path: Path, lie: str, words: str
) -> None:
    """The helper has its uid. What comes of it is the block's failure, later an error."""
    (tmp_path / "file").write_text("x")
    with DockerCommandLineCodeExecutor(work_dir=tmp_path, **options) as executor:
        put = f"rm file; cd /tmp/.toolkit-mirror-*; echo 'import os\nos.write(1, {lie})' >helper.py"
        result = sh(executor, f"{put}\n{signalling('KILL')}")
        assert result.exit_code == 1
        assert result.output.startswith(f"\nNot copied out of the container: {words}")
        (tmp_path / "other").write_text("y")
        with pytest.raises(ExecError, match=r"^folder .* cannot be copied into container .*: "):
            executor.run(["true"])
    assert names(tmp_path) == {"file", "other"}


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_a_helper_that_the_code_ended_or_stopped_is_replaced(
    executor: DockerCommandLineCodeExecutor, work: Path, signal: str
) -> None:
    """By one that knows nothing, and so tells all: what was removed meanwhile is removed."""
    for name in ("kept", "removed"):
        (work / name).write_text("x")
    said(executor, f"rm removed; echo y > made; {signalling(signal)}")
    assert names(work) == {"kept", "made"}
    (work / "kept").unlink()
    assert said(executor, f"ls kept made 2>&1; {signalling(signal)}").endswith("\nmade\n")
    (work / "more").write_text("x")
    assert said(executor, "cat more; rm more") == "x"
    assert names(work) == {"made"}


def test_what_the_code_says_in_the_helpers_place_is_its_own_word(
    executor: DockerCommandLineCodeExecutor, work: Path
) -> None:
    """Its output is a pipe of the code's own, which any of its processes can write into."""
    (work / "file").write_text("x")
    for lie in (Record(b"h").encode() + Record(b".").encode(), b"noise"):
        octal = "".join(f"\\{byte:03o}" for byte in lie)
        sh(executor, each_helper(f"printf '{octal}' >$place/fd/1"))
        with contextlib.suppress(ExecError):  # what it answers is out of step by now
            sh(executor, "true")
        assert names(work) == {"file"}
        assert said(executor, "ls file; echo y > made; rm made") == "file\n"
    assert names(work) == {"file"}


def test_a_helper_is_one_and_the_same(executor: DockerCommandLineCodeExecutor, work: Path) -> None:
    find = each_helper("echo ${place#/proc/}")
    first = said(executor, find)
    (work / "new").write_text("x")
    assert said(executor, f"touch made; {find}") == first != ""
    assert len(first.split()) == 1


def test_a_helper_that_the_code_removed_is_there_again(
    executor: DockerCommandLineCodeExecutor, work: Path
) -> None:
    said(executor, f"rm -r /tmp/.toolkit-mirror-*; echo x > made; {signalling('KILL')}")
    (work / "more").write_text("y")
    assert said(executor, "cat made more") == "x\ny"


def test_what_the_container_cannot_take_is_an_error(
    executor: DockerCommandLineCodeExecutor, work: Path
) -> None:
    executor.run(["mkdir", "closed"], user="0:0")
    (work / "closed/new").write_text("x")
    words = r"(?m): 'closed/new' cannot be copied: Operation not permitted$"
    with pytest.raises(ExecError, match=words):
        executor.run(["true"])
    (work / "closed/new").unlink()
    executor.run(["rmdir", "closed"], user="0:0")
    assert names(work) == set()


# What is asked for.


@pytest.mark.parametrize("profile", ["strict", "compat"])
def test_profiles(options: dict[str, Any], tmp_path: Path, profile: str) -> None:
    (tmp_path / "asked").write_text("x")
    wanted = {**options, "profile": profile}
    del wanted["network"], wanted["user"]
    with DockerCommandLineCodeExecutor(work_dir=tmp_path, **wanted) as executor:
        assert said(executor, "cat asked; echo y > answer") == "x"
    assert (tmp_path / "answer").read_text() == "y\n"


def test_a_user_of_the_images_own_in_the_compat_profile(
    options: dict[str, Any], base_image: str, tmp_path: Path
) -> None:
    """The worker is that user, too, and could not open the folder to him."""
    client = docker.from_env()
    text = f"FROM {base_image}\nUSER 4321:4321\n".encode()
    image, _ = client.images.build(fileobj=io.BytesIO(text), rm=True, forcerm=True)
    (tmp_path / "asked").write_text("x")
    wanted = {**options, "image": str(image.id), "profile": "compat"}
    del wanted["user"]
    try:
        with DockerCommandLineCodeExecutor(work_dir=tmp_path, **wanted) as executor:
            assert said(executor, "cat asked; id -u; echo y > answer") == "x4321\n"
    finally:
        client.images.remove(str(image.id), force=True)
        client.close()
    assert (tmp_path / "answer").stat().st_uid == os.getuid()


def test_a_shared_folder_is_shared_unless_it_is_to_be_copied(
    options: dict[str, Any], tmp_path: Path
) -> None:
    del (wanted := dict(options))["transfer"]
    with DockerCommandLineCodeExecutor(work_dir=tmp_path, **wanted) as executor:
        found = options["engine"].inspect_container(executor.container_id)
        assert found["HostConfig"]["Mounts"][0]["Type"] == "bind"


@pytest.mark.parametrize("transfer", ["bind", "copy"])
def test_two_executors_on_one_folder(
    options: dict[str, Any], tmp_path: Path, transfer: str
) -> None:
    """Each sees what the other one's blocks made, changed and removed before its own."""
    tmp_path.chmod(0o777)
    wanted = {**options, "work_dir": tmp_path, "transfer": transfer, "delete_tmp_files": True}
    with (
        DockerCommandLineCodeExecutor(**wanted) as one,
        DockerCommandLineCodeExecutor(**wanted) as other,
    ):
        run(one, "echo 1 > made")
        assert run(other, "cat made; echo 2 > made; echo 3 > more") == "1\n"
        assert run(one, "cat made more; rm made") == "2\n3\n"
        assert run(other, "ls") == "more\n"


def test_memory_that_gave_out_is_told_though_the_helper_is_there(
    options: dict[str, Any], tmp_path: Path
) -> None:
    """Of a block whose own first process lived on: nothing else ran that could have been meant."""
    eat = "python3 -c 'all = []\nwhile True: all.append(bytes(1 << 20))'; echo $?"
    with DockerCommandLineCodeExecutor(work_dir=tmp_path, memory="96m", **options) as executor:
        result = sh(executor, eat)
        assert (result.exit_code, result.output) == (0, "Killed\n137\n")
        assert result.blocks[0].oom_killed
        assert not sh(executor, "true").blocks[0].oom_killed


def test_a_kept_container_is_gone_on_in(options: dict[str, Any], tmp_path: Path) -> None:
    engine, name = options["engine"], f"toolkit-test-transfer-{RUN[:8]}"
    wanted = {**options, "container_name": name, "auto_remove": False, "take_up": True}
    try:
        with DockerCommandLineCodeExecutor(work_dir=tmp_path, **wanted) as executor:
            said(executor, "echo x > made")
            first = executor.container_id
        (tmp_path / "made").unlink()
        (tmp_path / "more").write_text("y")
        with pytest.raises(StartError, match=r"(?m)was made with transfer='copy'$"):
            DockerCommandLineCodeExecutor(work_dir=tmp_path, **{**wanted, "transfer": "bind"})
        with DockerCommandLineCodeExecutor(work_dir=tmp_path, **wanted) as executor:
            assert executor.container_id == first
            assert said(executor, "cat made more") == "x\ny"
    finally:
        engine.remove_container(name)
    assert names(tmp_path) == {"made", "more"}
