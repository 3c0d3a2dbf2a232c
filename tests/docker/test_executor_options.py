"""What the Docker executor's own parameters do to a real container."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from toolkit import labels
from toolkit.coding import CodeBlock, CommandLineCodeResult, DockerCommandLineCodeExecutor
from toolkit.engine import Engine
from toolkit.errors import StartError

pytestmark = pytest.mark.docker

KEY = "toolkit-test-options"
RUN = uuid.uuid4().hex
CAPABILITIES = "grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status | tr -s '\\t\\n' ' '"
KILL_SETGID_SETUID = "00000000000000e0"
NONE = "0000000000000000"
Make = Callable[..., DockerCommandLineCodeExecutor]


@pytest.fixture
def make(first_engine: Engine, base_image: str, tmp_path: Path) -> Iterator[Make]:
    """Makes executors that end with the test, and of which nothing may be left."""
    made: list[DockerCommandLineCodeExecutor] = []
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o777)

    def make(**options: Any) -> DockerCommandLineCodeExecutor:  # noqa: ANN401 - the constructor's
        given = {"image": base_image, "work_dir": work, "engine": first_engine, **options}
        given["labels"] = {KEY: RUN, **options.get("labels", {})}
        made.append(DockerCommandLineCodeExecutor(**given))
        return made[-1]

    yield make
    for executor in made:
        executor.stop()
    assert first_engine.list_containers(f"{KEY}={RUN}") == []


def sh(executor: DockerCommandLineCodeExecutor, code: str) -> str:
    return executor.execute_code_blocks([CodeBlock(code, "sh")]).output


def python(executor: DockerCommandLineCodeExecutor, code: str) -> CommandLineCodeResult:
    return executor.execute_code_blocks([CodeBlock(code, "python")])


def inspected(engine: Engine, executor: DockerCommandLineCodeExecutor) -> dict[str, Any]:
    found = engine.inspect_container(executor.container_id)
    assert found is not None
    return found


# Profiles.


def test_standard_is_the_caller_without_capabilities_with_a_network(make: Make) -> None:
    executor = make()
    assert sh(executor, "id -u; ls /sys/class/net").split() == [str(os.getuid()), "eth0", "lo"]
    other = make(user="1234:1234")
    assert sh(other, CAPABILITIES).split() == [
        *("CapEff:", NONE),
        *("CapBnd:", KILL_SETGID_SETUID),
        *("NoNewPrivs:", "1"),
    ]


def test_a_profiles_limit_of_processes_holds(make: Make) -> None:
    """Who has ended and was not collected counts, too."""
    executor = make(pids=40)
    result = python(executor, "import os\nfor _ in range(100):\n    if not os.fork(): os._exit(0)")
    assert "Resource temporarily unavailable" in result.output
    assert sh(executor, "echo on") == "on\n"


def test_strict_has_no_network_and_nothing_to_write_to_but_memory_and_the_work_dir(
    make: Make, first_engine: Engine
) -> None:
    executor = make(profile="strict", user="1234:1234")
    assert sh(executor, "ls /sys/class/net") == "lo\n"
    code = 'for d in / /usr/local /etc; do touch $d/x 2>/dev/null && echo "wrote $d"; done; :'
    assert sh(executor, code) == ""
    script = "touch $HOME/x /tmp/y z && cp /bin/true /tmp/true && /tmp/true && echo fine"
    assert sh(executor, script) == "fine\n"
    assert sh(executor, CAPABILITIES).split()[:4] == [
        "CapEff:",
        NONE,
        "CapBnd:",
        KILL_SETGID_SETUID,
    ]
    host = inspected(first_engine, executor)["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (2 << 30, 2 << 30)
    assert (host["NanoCpus"], host["PidsLimit"]) == (1_000_000_000, 256)


def test_strict_runs_blocks_for_a_caller_that_is_root_too(make: Make) -> None:
    """Without the right to write what is not its own."""
    executor = make(profile="strict")
    assert sh(executor, CAPABILITIES).split()[3] == KILL_SETGID_SETUID
    assert python(executor, "open('made', 'w').write('x'); print('on')").output == "on\n"
    assert "Read-only file system" in sh(executor, "touch /etc/x")


def test_compat_has_the_images_user_and_the_engines_capabilities_and_limits(
    make: Make, first_engine: Engine
) -> None:
    executor = make(profile="compat")
    assert sh(executor, "id -u; chown 7 /tmp && echo may") == "0\nmay\n"
    assert "NoNewPrivs: 0" in sh(executor, CAPABILITIES)
    host = inspected(first_engine, executor)["HostConfig"]
    assert (host["CapAdd"], host["CapDrop"], host["SecurityOpt"]) == (None, None, None)
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (0, 0, None)


def test_the_end_of_memory_is_told_and_the_next_block_works(make: Make) -> None:
    executor = make(memory="64m")
    result = python(executor, "x = bytearray(512 << 20)\nprint(len(x))")
    assert result.exit_code == 137
    assert result.blocks[0].oom_killed
    assert sh(executor, "echo on") == "on\n"


# What is given to the container.


def test_volumes_hosts_and_environment_reach_the_block(make: Make, tmp_path: Path) -> None:
    (tmp_path / "single").write_text("from the host")
    (tmp_path / "folder").mkdir()
    executor = make(
        extra_volumes={
            str(tmp_path / "single"): {"bind": "/given/single", "mode": "ro"},
            str(tmp_path / "folder"): {"bind": "/given/folder", "mode": "rw"},
        },
        extra_hosts={"db.example": "10.1.2.3"},
        environment={"X": "y z"},
    )
    code = "cat /given/single; echo; echo $X; grep db.example /etc/hosts; touch /given/folder/made"
    assert sh(executor, code).split("\n")[:2] == ["from the host", "y z"]
    assert "10.1.2.3\tdb.example" in sh(executor, "cat /etc/hosts")
    assert (tmp_path / "folder/made").stat().st_uid == os.getuid()
    assert "Read-only file system" in sh(executor, "echo x > /given/single")


def test_a_volume_that_is_missing_is_not_made_on_the_host(make: Make, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(StartError, match=f"{missing} does not exist on the engine's host") as told:
        make(extra_volumes={str(missing): {"bind": "/x", "mode": "rw"}})
    assert told.value.hint == "make it there first, or mend the volume's path"
    assert not missing.exists()


def test_an_init_command_has_ended_before_the_first_block(make: Make) -> None:
    executor = make(init_command="sleep 0.3; echo ready > /tmp/state")
    assert sh(executor, "cat /tmp/state") == "ready\n"


def test_an_init_command_that_fails_is_a_start_error_and_nothing_is_left(make: Make) -> None:
    """`make` looks for what is left."""
    with pytest.raises(ValueError, match="init_command ended with exit code 3: no luck") as told:
        make(init_command="echo no luck; exit 3")
    assert isinstance(told.value, StartError)


def test_an_init_command_runs_again_in_a_new_container(make: Make, first_engine: Engine) -> None:
    executor = make(init_command="date +%N > /tmp/state")
    first_engine.remove_container(executor.container_id)
    executor.restart()
    assert sh(executor, "test -s /tmp/state && echo there") == "there\n"


def test_docker_pys_keywords_are_laid_over_all_of_it(make: Make, first_engine: Engine) -> None:
    executor = make(
        environment={"A": "1", "B": "1"},
        container_create_kwargs={
            "environment": {"A": "2"},
            "mem_limit": "300m",
            "shm_size": "8m",
            "cap_add": ["CHOWN"],
            "labels": {"theirs": "1", labels.MANAGED: "0"},
            "hostname": "chosen",
            "tty": True,
        },
    )
    assert sh(
        executor, "echo $A $B; hostname; df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2"
    ) == ("2 1\nchosen\n8192\n")
    found = inspected(first_engine, executor)
    assert found["HostConfig"]["Memory"] == 300 << 20
    assert found["Config"]["Labels"]["theirs"] == "1"
    assert labels.is_ours(found["Config"]["Labels"])


def test_a_user_and_a_working_dir_in_docker_pys_keywords_are_the_codes(make: Make) -> None:
    executor = make(container_create_kwargs={"user": "1234:1234", "working_dir": "/app"})
    assert sh(executor, "id -u; pwd; touch made") == "1234\n/app\n"
    assert (executor.work_dir / "made").stat().st_uid == 1234


def test_an_init_process_of_the_engine_changes_nothing(make: Make) -> None:
    executor = make(container_create_kwargs={"init": True}, timeout=1)
    assert sh(executor, "setsid sleep 60 & sleep 60").endswith("\nTimeout")
    assert sh(executor, "echo on") == "on\n"


@pytest.mark.parametrize(
    "option", [{"gpus": "all"}, {"device_requests": [{"count": -1, "capabilities": [["gpu"]]}]}]
)
def test_devices_are_asked_for_and_an_engine_without_them_is_a_start_error(
    make: Make, option: dict[str, Any]
) -> None:
    """No machine of ours has one; that the engine refuses proves that it was asked."""
    with pytest.raises(StartError, match="the engine has no driver for the devices") as told:
        make(**option)
    assert told.value.hint


@pytest.mark.parametrize("part", ["runtime", "network"])
def test_what_the_engine_does_not_know_is_a_start_error_that_names_it(
    make: Make, part: str
) -> None:
    with pytest.raises(StartError, match=f"{part} 'toolkit-none' ") as told:
        make(**{part: "toolkit-none"})
    assert told.value.hint


# Certificates.


def test_the_callers_bundle_is_there_to_be_read_only(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")
    for variable in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:password@index.example/simple")
    executor = make(user="1234:1234")
    code = "cat $SSL_CERT_FILE; echo $PIP_CERT $REQUESTS_CA_BUNDLE $CURL_CA_BUNDLE; env"
    said = sh(executor, code)
    path = "/etc/toolkit/ca-bundle.pem"
    assert said.startswith(f"{bundle.read_text()}{path} {path} {path}\n")
    assert "password" not in said
    assert "Permission denied" in sh(executor, "echo x >> $SSL_CERT_FILE")
    assert "Permission denied" in sh(executor, "rm -f $SSL_CERT_FILE")
    assert sh(make(ca_bundle=False), "env | grep -c CERT; ls /etc/toolkit").startswith("0\n")
    assert sh(make(profile="strict"), "env | grep -c CERT") == "0\n"


def test_the_bundle_reaches_an_image_whose_worker_is_not_root(make: Make) -> None:
    executor = make(profile="compat", container_create_kwargs={"user": "1234:1234"})
    assert "BEGIN" in sh(executor, "grep -m1 BEGIN $SSL_CERT_FILE")


# Blocks.


def test_streams_can_be_kept_apart(make: Make) -> None:
    block = python(
        make(separate_streams=True), "import sys; print('o'); print('e', file=sys.stderr)"
    )
    assert (block.blocks[0].stdout, block.blocks[0].stderr) == ("o\n", "e\n")


def test_files_are_not_looked_for_where_that_is_switched_off(make: Make) -> None:
    assert python(make(list_files=False), "open('made', 'w')").blocks[0].files == ()
    made = python(make(), "open('made', 'w').write('xyz')").blocks[0].files
    assert [(Path(each.path).name, each.size) for each in made] == [("made", 3)]


def test_only_files_with_automatic_names_are_deleted(make: Make) -> None:
    executor = make(delete_tmp_files=True)
    result = python(executor, "1 / 0")
    assert result.code_file is not None
    assert not Path(result.code_file).exists()
    sh(executor, "# filename: kept.sh\necho")
    assert [path.name for path in executor.work_dir.iterdir()] == ["kept.sh"]


def test_long_output_has_its_head_and_tail_in_the_result_and_the_whole_in_a_log(
    make: Make,
) -> None:
    executor = make(output_limit=1000)
    result = python(executor, "for i in range(1000): print(f'line {i}')")
    block = result.blocks[0]
    assert block.truncated
    assert block.output.startswith("line 0\n")
    assert block.output.endswith("line 999\n")
    assert len(block.output) < 1100
    assert block.log_file is not None
    assert Path(block.log_file).read_text().splitlines() == [f"line {i}" for i in range(1000)]
    short = python(executor, "print('short')").blocks[0]
    assert (short.truncated, short.log_file) == (False, None)


def test_a_log_has_an_end_too(make: Make) -> None:
    result = python(make(output_limit=1000), "print('x' * 1_000_000)")
    assert result.blocks[0].log_file is not None
    assert Path(result.blocks[0].log_file).stat().st_size < 20_000


def test_a_fresh_interpreter_can_be_asked_for(make: Make) -> None:
    """It cannot be told from a fork, but by what was imported before."""
    code = "import sys; print('decimal' in sys.modules)"
    assert python(make(isolation="spawn"), code).output == "False\n"
    assert python(make(preload=("decimal",)), code).output == "True\n"


def test_a_module_that_cannot_be_preloaded_is_a_start_error_with_the_reason(make: Make) -> None:
    with pytest.raises(StartError, match="toolkit_nonsense"):
        make(preload=("toolkit_nonsense",))


def add_two_numbers(a: int, b: int) -> int:
    """Add them."""
    return a + b


def test_functions_can_be_imported_by_blocks(make: Make) -> None:
    executor = make(functions=[add_two_numbers], functions_module="mine")
    code = "from mine import add_two_numbers\nprint(add_two_numbers(1, 2))"
    assert python(executor, code).output == "3\n"
    assert "def add_two_numbers(a: int, b: int) -> int:" in executor.format_functions_for_prompt()
    (executor.work_dir / "mine.py").unlink()
    assert "No module named 'mine'" in python(executor, code).output


def test_blocks_are_found_in_a_message(make: Make) -> None:
    executor = make()
    blocks = executor.code_extractor.extract_code_blocks("```python\nprint(6 * 7)\n```")
    assert executor.execute_code_blocks(blocks).output == "42\n"


def test_a_kept_container_can_be_gone_on_in(make: Make, first_engine: Engine) -> None:
    """With what was done in it, so that it is not initialised again."""
    name = f"toolkit-test-{RUN[:8]}-kept"
    kept = {
        "container_name": name,
        "stop_container": False,
        "take_up": True,
        "user": "1234:1234",
        "init_command": "echo once >> /tmp/state",
    }
    first = make(**kept)
    try:
        sh(first, "echo here >> /tmp/state")
        first.stop()
        again = make(**kept)
        assert sh(again, "cat /tmp/state") == "once\nhere\n"
        again.stop()
    finally:
        first_engine.remove_container(name)


def test_no_work_dir_is_the_current_folder(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    executor = make(work_dir=None)
    assert str(executor.work_dir) == "."
    assert python(executor, "print(1)").code_file is not None
    assert len(list(tmp_path.glob("tmp_code_*.py"))) == 1
