"""One container on a real engine: what the code may do, and what ends it."""

from __future__ import annotations

import fcntl
import io
import os
import tarfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.patience import with_enough_time
from toolkit import labels as label
from toolkit.container import Container, ContainerOptions, Mount
from toolkit.engine import Engine, connect
from toolkit.errors import DiedError, NotRunningError, StartError
from toolkit.image import local_bases
from toolkit.lifecycle import ContainerManager
from toolkit.profile import COMPAT, STRICT, Limits, Profile

pytestmark = pytest.mark.docker

KEY = "toolkit-test-container"
RUN = uuid.uuid4().hex
STRANGER = "4321:4321"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The engine; nothing of these tests may be left on it."""
    with connect() as found:
        yield found
        assert found.list_containers(f"{KEY}={RUN}") == []
        assert found.list_images(f"{KEY}={RUN}") == []


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return str(local_bases(engine)[0])


@pytest.fixture
def manager(engine: Engine) -> Iterator[ContainerManager]:
    with ContainerManager(engine) as manager:
        yield manager


@pytest.fixture
def start(manager: ContainerManager, image: str) -> Callable[..., Container]:
    """Start a labelled container of the base, without network, which is quicker."""

    def start(**options: object) -> Container:
        given = {"image": image, "network": "none", "labels": {KEY: RUN}, **options}
        return manager.start(ContainerOptions(**given))  # type: ignore[arg-type]

    return start


def sh(container: Container, script: str, **options: object) -> str:
    result = container.run(["sh", "-c", script], merged=True, **options)  # type: ignore[arg-type]
    return result.stdout.decode()


def test_code_is_the_user_that_was_asked_for_and_nothing_more(
    start: Callable[..., Container],
) -> None:
    container = start(user=STRANGER)
    assert sh(container, "id -u; id -g; id -G") == "4321\n4321\n4321\n"
    assert "CapEff:\t0000000000000000\n" in sh(container, "cat /proc/self/status")
    assert "NoNewPrivs:\t1\n" in sh(container, "cat /proc/self/status")
    assert sh(container, "pwd") == "/workspace\n"
    assert sh(container, 'test -w "$HOME" && echo "$USER $LOGNAME"') == "executor executor\n"


def test_a_user_of_the_image_is_found_by_name(start: Callable[..., Container]) -> None:
    container = start(user="nobody")
    assert container.ready.uid == 65534
    assert sh(container, "id -un; echo $USER") == "nobody\nnobody\n"


def test_a_block_may_open_its_outputs_by_name_under_another_uid(
    start: Callable[..., Container],
) -> None:
    container = start(user=STRANGER)
    assert sh(container, "echo a > /dev/stdout; echo b > /dev/stderr") == "a\nb\n"


@pytest.mark.parametrize("user", [STRANGER, "0:0"])
def test_code_cannot_reach_the_workers_descriptors_and_memory(
    start: Callable[..., Container], user: str
) -> None:
    """Not as root either: else it could hold the tether open or forge frames."""
    container = start(user=user)
    script = (
        "for f in fd/0 fd/1 mem environ; do (exec 9<>/proc/1/$f) 2>/dev/null && echo open $f; done;"
        "(: < /proc/$PPID/environ) 2>/dev/null && echo supervisor; true"
    )
    assert sh(container, script) == ""


def test_signals_from_inside_do_not_end_the_worker(start: Callable[..., Container]) -> None:
    container = start(profile=COMPAT)
    for number in ("INT", "TERM", "KILL", "STOP", "HUP", "CHLD", "PIPE"):
        sh(container, f"kill -{number} 1")
        assert sh(container, f"echo {number}") == f"{number}\n"


def test_orphans_are_collected(start: Callable[..., Container]) -> None:
    container = start()
    sh(container, "for i in 1 2 3; do (setsid true &) ; done; sleep 0.1")
    zombies = "grep -sl '^State:.Z' /proc/[0-9]*/status | wc -l"
    assert sh(container, zombies) == "0\n"


def test_a_limit_ends_what_left_the_session_and_the_container_lives_on(
    start: Callable[..., Container],
) -> None:
    """As a user that the worker is not: it needs its right to signal others."""
    container = start(user=STRANGER)
    script = (
        "trap '' TERM; echo before;"
        "(setsid sh -c 'trap \"\" TERM; echo $$ > /tmp/pid; sleep 60; sleep 60' &); sleep 60"
    )
    result = with_enough_time(
        lambda timeout: container.run(["sh", "-c", script], timeout=timeout),
        lambda _result: sh(container, "cat /tmp/pid 2> /dev/null") != "",
    )
    assert (result.exit_code, result.timed_out, result.stdout) == (124, True, b"before\n")
    assert sh(container, "kill -0 $(cat /tmp/pid) 2>&1 | grep -c 'No such process'") == "1\n"


def test_a_fork_bomb_meets_its_limit_and_the_next_block_works(
    start: Callable[..., Container],
) -> None:
    container = start(limits=Limits(pids=100), user=STRANGER)
    bomb = "import os\nwhile True:\n try: os.fork()\n except OSError: pass"
    assert container.run(["python3", "-c", bomb], timeout=1.0).timed_out
    assert sh(container, "echo usable; ls -d /proc/[0-9]* | wc -l").startswith("usable\n")


def test_code_that_eats_the_memory_dies_and_the_container_lives(
    start: Callable[..., Container],
) -> None:
    container = start(limits=Limits(memory=64 << 20))
    result = container.run(["python3", "-c", "x = bytearray(500 << 20)"])
    assert result.exit_code == 137
    assert sh(container, "echo usable") == "usable\n"


def test_a_flood_is_counted_whole_and_kept_in_part(start: Callable[..., Container]) -> None:
    seen = 0

    def count(_stream: str, data: bytes) -> None:
        nonlocal seen
        seen += len(data)
        if seen < 3_000_000:
            time.sleep(0.005)

    argv = ["head", "-c", "50000000", "/dev/zero"]
    result = start().run(argv, on_output=count, output_limit=1 << 20)
    assert seen == 50_000_000
    assert result.truncated
    assert len(result.stdout) < (1 << 20) + 100


def test_a_file_that_is_written_is_the_codes_own(start: Callable[..., Container]) -> None:
    container = start(user=STRANGER)
    container.write("/tmp/a/b", b"\0\xff" * 100_000)
    assert sh(container, "stat -c '%u %s' /tmp/a/b") == "4321 200000\n"


def test_reset_ends_every_process_and_keeps_the_files(start: Callable[..., Container]) -> None:
    container = start(user=STRANGER)
    sh(container, "echo kept > /tmp/file; setsid sleep 60 > /dev/null 2>&1 & echo $! > /tmp/pid")
    results, runs = [], threading.Event()

    def run() -> None:
        argv = ["sh", "-c", "echo on; exec sleep 60"]
        results.append(container.run(argv, on_output=lambda *_: runs.set()))

    running = threading.Thread(target=run)
    running.start()
    assert runs.wait(30)
    container.reset()
    running.join(30)
    assert results[0].exit_code == 137
    assert sh(container, "cat /tmp/file; kill -0 $(cat /tmp/pid) || echo gone").endswith("gone\n")


def test_what_is_created_is_ours_by_its_labels_and_writes_no_log(
    engine: Engine, manager: ContainerManager, start: Callable[..., Container]
) -> None:
    container = start(role="probe")
    assert container.name == f"tk-{manager.session[:8]}-1"
    found = engine.inspect_container(container.id)
    assert found is not None
    labels = found["Config"]["Labels"]
    assert label.is_ours(labels)
    assert (labels[label.SESSION], labels[label.ROLE]) == (manager.session, "probe")
    assert labels[label.KEEP] == "0"
    for key in (label.OWNER_HOST, label.OWNER_BOOT, label.OWNER_START, label.OWNER_PIDNS):
        assert labels[key]
    assert found["HostConfig"]["LogConfig"]["Type"] == "none"
    assert found["HostConfig"]["AutoRemove"]
    assert found["HostConfig"]["Binds"] is None


def test_strict_has_no_network_and_a_root_that_cannot_be_written(
    start: Callable[..., Container],
) -> None:
    container = start(profile=STRICT, network=None, user=STRANGER)
    assert sh(container, "ls /sys/class/net") == "lo\n"
    assert "Read-only file system" in sh(container, "touch /usr/x")
    assert sh(container, "cd && touch x && echo $HOME") == "/tmp\n"


def test_strict_without_a_mount_has_a_work_dir_that_its_user_can_write_to(
    start: Callable[..., Container],
) -> None:
    container = start(profile=STRICT, user=STRANGER)
    assert sh(container, "stat -f -c %T . && echo there > file && cat file") == "tmpfs\nthere\n"


@pytest.mark.parametrize("profile", [STRICT, COMPAT])
def test_every_profile_can_run_python(start: Callable[..., Container], profile: Profile) -> None:
    assert start(profile=profile).run(["python3", "-c", "print(6 * 7)"]).stdout == b"42\n"


def test_a_mount_is_proven_before_the_start(
    start: Callable[..., Container], tmp_path: Path, engine: Engine
) -> None:
    real, other = tmp_path / "real", tmp_path / "other"
    real.mkdir()
    other.mkdir()
    container = start(mounts=(Mount(str(real), "/workspace", proof=real),), user="0:0")
    sh(container, "echo hello > file")
    assert (real / "file").read_text() == "hello\n"
    with pytest.raises(StartError) as caught:
        start(mounts=(Mount(str(other), "/workspace", proof=real),))
    assert str(caught.value) == (
        f"folder {other} of the engine's host is not the folder {real} of this process"
    )
    assert caught.value.hint == (
        f"leave bind_dir out, and TOOLKIT_BIND_DIR and TOOLKIT_PATH_MAP: it is found to be {real}"
    )
    assert [path.name for path in real.iterdir()] == ["file"]
    assert len(engine.list_containers(f"{KEY}={RUN}")) == 1


def test_what_a_killed_process_left_of_a_proof_is_removed_and_nothing_else(
    start: Callable[..., Container], tmp_path: Path
) -> None:
    """Its lock is free; one that is held belongs to a start that is under way."""
    (tmp_path / ".toolkit-proof-dead").touch()
    (tmp_path / ".toolkit-other").touch()
    (tmp_path / ".toolkit-proof-link").symlink_to("/etc/hostname")
    with (tmp_path / ".toolkit-proof-alive").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        start(mounts=(Mount(str(tmp_path), "/workspace", proof=tmp_path),), user="0:0")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".toolkit-other",
        ".toolkit-proof-alive",
        ".toolkit-proof-link",
    ]


@pytest.mark.parametrize("when", ["before it runs", "before its worker answers"])
def test_a_container_that_is_removed_as_it_starts_is_an_error_that_says_so(
    engine: Engine,
    image: str,
    manager: ContainerManager,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    """Somebody else does that: another tool, or a hand."""
    name = f"toolkit-test-{RUN[:8]}-removed"
    real = engine.start_container

    def start_container(container: str) -> bool:
        if when == "before it runs":
            engine.remove_container(container)
            return real(container)
        engine.start_container = real  # type: ignore[method-assign]
        started = real(container)
        engine.remove_container(container)
        return started

    monkeypatch.setattr(engine, "start_container", start_container)
    options = ContainerOptions(image=image, name=name, network="none", labels={KEY: RUN})
    with pytest.raises(StartError, match="was removed") as caught:
        manager.start(options)
    assert caught.value.hint == "start it again"
    assert engine.inspect_container(name) is None


@pytest.mark.parametrize("source", ["/no/such/folder", "not/absolute"])
def test_a_folder_that_the_host_has_not_is_an_error_and_is_not_made(
    start: Callable[..., Container], source: str, tmp_path: Path
) -> None:
    with pytest.raises(StartError) as caught:
        start(mounts=(Mount(source, "/workspace", proof=tmp_path),))
    assert str(caught.value) == f"folder {source} does not exist on the engine's host"
    assert caught.value.exit_code == 7
    assert not Path("/no").exists()


def test_an_image_that_is_not_there_is_an_error(start: Callable[..., Container]) -> None:
    with pytest.raises(StartError, match="image toolkit-test/none:1 does not exist here"):
        start(image="toolkit-test/none:1")


def test_an_image_without_sh_is_an_error(engine: Engine, start: Callable[..., Container]) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("empty"))
    content.seek(0)
    made = engine.import_image(content, changes=[f"LABEL {KEY}={RUN}"])
    try:
        with pytest.raises(StartError) as caught:
            start(image=made)
        assert str(caught.value) == f"image {made} contains no `sh`"
        assert caught.value.hint == (
            "use an image that contains `sh` and `python`, such as python:3-slim"
        )
    finally:
        engine.remove_image(made)


def test_an_image_without_python_is_an_error(image: str, start: Callable[..., Container]) -> None:
    """Where the base's own is taken away under the worker's feet: a file mounted over it."""
    root = start(profile=COMPAT)
    names = sh(root, "for p in python3 python; do readlink -f $(command -v $p); done").split()
    mounts = tuple(Mount("/dev/null", name) for name in sorted(set(names)))
    with pytest.raises(StartError) as caught:
        start(mounts=mounts)
    assert str(caught.value) == f"image {image} contains no `python`"


@pytest.mark.parametrize("other", [False, True], ids=["same manager", "other manager"])
def test_a_taken_name_is_an_error_and_its_holder_lives(
    engine: Engine,
    image: str,
    manager: ContainerManager,
    start: Callable[..., Container],
    other: bool,
) -> None:
    name = f"toolkit-test-{RUN[:8]}"
    holder = start(name=name)
    options = ContainerOptions(image=image, name=name)
    with ContainerManager(engine) as another, pytest.raises(StartError) as caught:
        (another if other else manager).start(options)
    assert str(caught.value) == (
        f"container name {name!r} is taken by container {holder.id[:12]} of {image}, "
        f"which process {os.getpid()} uses"
    )
    assert sh(holder, "echo alive") == "alive\n"


def test_a_container_that_is_killed_is_an_error_at_once(
    engine: Engine, start: Callable[..., Container]
) -> None:
    container = start()
    threading.Timer(0.3, engine.kill_container, (container.id,)).start()
    with pytest.raises(DiedError) as caught:
        container.run(["sleep", "60"])
    assert caught.value.container == container.id
    assert str(caught.value).startswith(f"container {container.name} ended")
    hint = "start another container; the files outside of its mounts are gone"
    assert caught.value.hint == hint
    assert not container.is_alive
    with pytest.raises(DiedError):
        container.run(["true"])


def test_a_closed_container_is_gone_and_says_so(
    engine: Engine, start: Callable[..., Container]
) -> None:
    container = start()
    container.close()
    container.close()
    assert engine.inspect_container(container.id) is None
    with pytest.raises(NotRunningError, match=f"container {container.name} is closed"):
        container.run(["true"])


def test_auto_remove_false_keeps_the_stopped_container(
    engine: Engine, start: Callable[..., Container]
) -> None:
    container = start(auto_remove=False)
    sh(container, "echo x > /tmp/file")
    container.close()
    try:
        found = engine.inspect_container(container.id)
        assert found is not None
        assert found["State"]["Status"] == "exited"
        assert engine.container_path_exists(container.id, "/tmp/file")
    finally:
        engine.remove_container(container.id)


def test_keep_running_leaves_it_running_with_what_runs_in_it(
    engine: Engine, start: Callable[..., Container]
) -> None:
    container = start(keep_running=True, user=STRANGER)
    sh(container, "setsid sleep 60 > /dev/null 2>&1 &")
    container.close()
    try:
        time.sleep(0.5)
        found = engine.inspect_container(container.id)
        assert found is not None
        assert found["State"]["Running"]
        assert found["Config"]["Labels"][label.KEEP] == "1"
    finally:
        engine.remove_container(container.id)
