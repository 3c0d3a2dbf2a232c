"""What container is wanted, in the engine's own form."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from docker.types import DeviceRequest, LogConfig, Ulimit
from docker.types import Mount as DockerMount

from toolkit.container import WORKSPACE, ContainerOptions, Mount
from toolkit.container.create_kwargs import applied
from toolkit.container.devices import gpu_requests, requests
from toolkit.container.options import config
from toolkit.container.volumes import mounts, placed
from toolkit.errors import SpecError
from toolkit.profile import COMPAT, STRICT

WORK = Mount("/host/work", WORKSPACE, proof=Path("/host/work"))
PLAIN = ContainerOptions(image="i", mounts=(WORK,), labels={"mine": "1"}, environment={"A": "1"})
OURS = {"ours": "1"}


def body(options: ContainerOptions = PLAIN, **kwargs: object) -> dict[str, Any]:
    return config(applied(options, kwargs), "1000:1000", OURS)


def host(options: ContainerOptions = PLAIN, **kwargs: object) -> dict[str, Any]:
    said: dict[str, Any] = body(options, **kwargs)["HostConfig"]
    return said


def test_no_keywords_change_nothing() -> None:
    assert body() == config(PLAIN, "1000:1000", OURS)


def test_docker_pys_own_translation_is_used() -> None:
    said = host(
        mem_limit="64m",
        shm_size="1m",
        network_mode="none",
        ulimits=[Ulimit(name="nofile", soft=9, hard=9)],
    )
    assert (said["Memory"], said["ShmSize"], said["NetworkMode"]) == (64 << 20, 1 << 20, "none")
    assert said["Ulimits"] == [{"Name": "nofile", "Soft": 9, "Hard": 9}]
    assert body(ports={"80/tcp": 8080})["ExposedPorts"] == {"80/tcp": {}}


def test_the_environment_is_merged_name_by_name() -> None:
    assert body(environment={"A": "2", "B": "3"})["Env"] == ["A=2", "B=3"]
    assert body(environment=["B=3"])["Env"] == ["A=1", "B=3"]


def test_our_labels_are_merged_and_never_replaced() -> None:
    assert body(labels={"ours": "0", "theirs": "2", "mine": "3"})["Labels"] == {
        "mine": "3",
        "ours": "1",
        "theirs": "2",
    }


def test_what_the_worker_stands_on_stays_when_capabilities_are_added() -> None:
    said = host(cap_add=["SYS_PTRACE"], cap_drop=["NET_RAW"], security_opt=["seccomp=unconfined"])
    assert said["CapAdd"] == ["KILL", "SETGID", "SETUID", "SYS_PTRACE"]
    assert said["CapDrop"] == ["ALL", "NET_RAW"]
    assert said["SecurityOpt"] == ["no-new-privileges", "seccomp=unconfined"]


def test_another_memory_has_no_swap_beside_it_either() -> None:
    strict = ContainerOptions(image="i", profile=STRICT)
    said = host(strict, mem_limit=1 << 30)
    assert said["Memory"] == said["MemorySwap"] == 1 << 30
    assert host(strict, mem_limit=1 << 30, memswap_limit=2 << 30)["MemorySwap"] == 2 << 30


def test_a_read_only_root_can_be_undone() -> None:
    assert host(ContainerOptions(image="i", profile=STRICT), read_only=False)["ReadonlyRootfs"] is (
        False
    )


def test_a_user_is_the_codes_and_not_the_workers() -> None:
    options = applied(PLAIN, {"user": 1234})
    assert options.user == "1234"
    assert config(options, options.user, OURS)["User"] == "0:0"


def test_what_is_an_option_of_ours_becomes_it() -> None:
    options = applied(PLAIN, {"image": "other", "name": "n", "auto_remove": False})
    assert (options.image, options.name, options.is_kept) == ("other", "n", True)


def test_a_volume_is_added_as_a_mount(caplog: pytest.LogCaptureFixture) -> None:
    said = host(volumes={"/data": {"bind": "/in", "mode": "ro"}})
    assert "Binds" not in said
    assert [(each["Source"], each["Target"], each["ReadOnly"]) for each in said["Mounts"]] == [
        ("/host/work", "/workspace", False),
        ("/data", "/in", True),
    ]
    assert "DockerCommandLineCodeExecutor: overriding default volumes=" in caplog.text


def test_a_volume_where_the_work_dir_is_says_where_that_is_on_the_host() -> None:
    options = applied(PLAIN, {"volumes": ["/elsewhere:/workspace"]})
    assert options.mounts == (Mount("/elsewhere", WORKSPACE, proof=Path("/host/work")),)


def test_another_working_dir_takes_the_work_dir_along() -> None:
    options = applied(PLAIN, {"working_dir": "/app"})
    assert (options.working_dir, options.mounts[0].target) == ("/app", "/app")


def test_docker_pys_mounts_stand_beside_ours() -> None:
    said = host(mounts=[DockerMount("/in", "/data", type="bind", read_only=True)])
    assert [each["Target"] for each in said["Mounts"]] == ["/workspace", "/in"]


@pytest.mark.parametrize("shell", ["/bin/sh", "sh", ["/bin/bash"]])
def test_an_idle_shell_as_main_process_is_left_out(shell: object) -> None:
    """AutoGen's own: nothing of it can be seen but that the container stays."""
    assert body(entrypoint=shell) == body()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("entrypoint", ["tini", "--"]),
        ("command", "sleep 1"),
        ("restart_policy", {"Name": "always"}),
        ("pid_mode", "host"),
        ("platform", "linux/arm64"),
    ],
)
def test_what_would_take_the_workers_place_is_refused(key: str, value: object) -> None:
    with pytest.raises(SpecError, match=f"^container_create_kwargs cannot set {key}: ") as caught:
        applied(PLAIN, {key: value})
    assert caught.value.hint


@pytest.mark.parametrize(
    ("key", "value"),
    [("tty", True), ("stdin_open", False), ("detach", True), ("log_config", LogConfig())],
)
def test_what_a_block_cannot_see_is_left_out_with_a_warning(
    key: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert body(PLAIN, **{key: value}) == body()
    assert f"container_create_kwargs: {key}=" in caplog.text


def test_a_keyword_that_docker_py_does_not_know_is_refused() -> None:
    with pytest.raises(SpecError, match=r"not what docker-py takes: .*nonsense"):
        applied(PLAIN, {"nonsense": 1})
    with pytest.raises(SpecError, match="not what docker-py takes"):
        applied(PLAIN, {"mem_limit": "lots"})


def test_single_files_volumes_and_modes() -> None:
    assert mounts(
        {
            "/etc/hosts": {"bind": "/hosts", "mode": "ro,rslave"},
            "named": {"bind": "/data"},
            Path("/x"): "/y",
        }
    ) == (
        Mount("/etc/hosts", "/hosts", read_only=True, propagation="rslave"),
        Mount("named", "/data", kind="volume"),
        Mount("/x", "/y"),
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"./data": {"bind": "/x"}},
        {"a/b": {"bind": "/x"}},
        {"~/x": {"bind": "/x"}},
        {"/x": {"mode": "rw"}},
        {"/x": {"bind": "relative"}},
        {"/x": {"bind": "/y", "mode": "sideways"}},
        ["/x"],
        "/x:/y",
        7,
    ],
)
def test_what_is_no_volume_is_refused_with_a_hint(bad: object) -> None:
    with pytest.raises(SpecError) as caught:
        mounts(bad)
    assert caught.value.hint


def test_the_later_mount_of_a_place_wins() -> None:
    first, second = Mount("/a", "/x"), Mount("/b", "/x/")
    assert placed([first, WORK], [second]) == (second, WORK)


def test_gpus_are_asked_for_as_with_docker_run() -> None:
    every = {"Driver": "", "Count": -1, "Capabilities": [["gpu"]], "Options": {}}
    assert gpu_requests("all") == (every,)
    assert gpu_requests(2) == gpu_requests("2") == ({**every, "Count": 2},)
    assert gpu_requests("device=0,GPU-a1")[0]["DeviceIDs"] == ["0", "GPU-a1"]
    assert gpu_requests(None) == gpu_requests(0) == ()


@pytest.mark.parametrize("bad", [-1, "some", "device=", True])
def test_what_names_no_gpus_is_refused(bad: Any) -> None:  # noqa: ANN401 - what callers pass
    with pytest.raises(SpecError, match="names no devices"):
        gpu_requests(bad)


def test_device_requests_come_in_three_forms() -> None:
    theirs = DeviceRequest(count=1, capabilities=[["gpu"]])
    small = {"count": 1, "capabilities": [["gpu"]]}
    large = {"Count": 1, "Capabilities": [["gpu"]]}
    assert requests([theirs])[0]["Count"] == 1
    assert requests([small, large]) == (large, large)
    for bad in ({"counts": 1}, "gpu"):
        with pytest.raises(SpecError, match="is not understood"):
            requests([bad])


def test_runtime_hosts_and_devices_reach_the_engine() -> None:
    said = host(
        ContainerOptions(
            image="i",
            runtime="runsc",
            extra_hosts={"db": "10.0.0.1"},
            device_requests=gpu_requests("all"),
        )
    )
    assert said["Runtime"] == "runsc"
    assert said["ExtraHosts"] == ["db:10.0.0.1"]
    assert said["DeviceRequests"][0]["Count"] == -1


def test_a_read_only_root_has_room_in_tmp_and_in_a_work_dir_that_nothing_is_mounted_on() -> None:
    bare = ContainerOptions(image="i", profile=STRICT)
    assert list(host(bare)["Tmpfs"]) == ["/tmp", "/workspace"]
    mounted = ContainerOptions(image="i", profile=STRICT, mounts=(WORK,))
    assert list(host(mounted)["Tmpfs"]) == ["/tmp"]


def test_compat_says_nothing_of_rights_and_limits() -> None:
    said = host(ContainerOptions(image="i", profile=COMPAT))
    assert sorted(said) == ["AutoRemove", "LogConfig", "Mounts"]
