"""What an engine could be given for a folder: tables over what real containers had.

tests/cases/host_path/ was recorded on Docker Engine 20.10.24 with control groups of version 1, less
the mounts below /proc, /sys and /dev. What is written out here stands for engines that were not at
hand.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CASES
from toolkit.host_path.candidates import Source, View, hidden, mapped, possible, suspects
from toolkit.host_path.obstacles import unshared

ID, OTHER = "ab" * 32, "cd" * 32
ROOT = "225 106 0:88 / / rw,relatime - overlay overlay rw\n"


def recorded(name: str, folder: str) -> tuple[View, dict[str, Any]]:
    """A process in that container, and the container as the engine describes it."""
    facts = json.loads((CASES / "host_path" / f"{name}.json").read_text("utf-8"))
    mountinfo, cgroup = ("\n".join(facts[key]) for key in ("mountinfo", "cgroup"))
    return View(folder, mountinfo, cgroup, facts["hostname"]), facts["inspected"]


def view(
    mountinfo: str, cgroup: str = "0::/\n", *, hostname: str = "h", folder: str = "/x"
) -> View:
    return View(folder, mountinfo, cgroup, hostname)


def etc(container: str, place: str = "/var/lib/docker/containers/{}/hostname") -> str:
    root = place.format(container)
    return f"{ROOT}385 225 254:0 {root} /etc/hostname rw,relatime - ext4 /dev/vda rw\n"


@pytest.mark.parametrize("name", ["bridge", "volume", "nested", "space", "host_network", "link"])
def test_most_containers_name_themselves_three_times(name: str) -> None:
    seen, inspected = recorded(name, "/app")
    assert suspects(seen) == (inspected["Id"],)


def test_a_machine_is_no_container() -> None:
    """Though this one has a file /.dockerenv, as those have that were made of an image."""
    seen, _ = recorded("machine", "/home/me")
    assert not seen.is_inside
    assert suspects(seen) == ()


def test_a_private_cgroup_and_another_host_name_leave_the_mounts() -> None:
    seen, inspected = recorded("private", "/app")
    assert (seen.hostname, seen.cgroup) == ("other", "4:memory:/\n0::/")
    assert suspects(seen) == (inspected["Id"],)


def test_in_the_network_of_another_the_cgroup_is_right_and_the_rest_is_wrong() -> None:
    seen, inspected = recorded("joined_network", "/app")
    own, other = suspects(seen)
    assert own == inspected["Id"]
    assert other.startswith(seen.hostname)


def test_in_the_network_of_another_with_a_private_cgroup_nothing_is_right() -> None:
    """The search is left."""
    seen, inspected = recorded("joined_private", "/app")
    (other,) = suspects(seen)
    assert other != inspected["Id"]
    assert possible({"State": "running", "Mounts": inspected["Mounts"]}, seen)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (view(etc(OTHER), f"0::/docker/{ID}\n"), (ID, OTHER)),
        (view(etc(OTHER)), (OTHER,)),
        (view(etc(ID), f"0::/system.slice/docker-{ID}.scope\n"), (ID,)),
        # An engine in a container: the inner id is the last.
        (view(etc(ID), f"0::/docker/{OTHER}/docker/{ID}\n"), (ID, OTHER)),
        # Podman, and in a pod of its the host name is the pod's.
        (
            view(
                etc(ID, "/var/lib/containers/storage/overlay-containers/{}/userdata/hostname"),
                f"0::/machine.slice/libpod-{ID}.scope\n",
                hostname="pod",
            ),
            (ID,),
        ),
        # Kubernetes: /etc may be the pause container's.
        (view(etc(OTHER), f"0::/kubepods.slice/cri-containerd-{ID}.scope\n"), (ID, OTHER)),
        # Nothing but the host name is left.
        (view(etc("x"), hostname="0123456789ab"), ("0123456789ab",)),
        (view(etc("x"), hostname="db1"), ()),
        # btrfs has such letters in the roots of other mounts.
        (view(f"1 0 0:30 /btrfs/{OTHER} / rw - btrfs /dev/x rw\n" + etc(ID)[len(ROOT) :]), (ID,)),
        (view(f"1 0 0:1 / / rw - ext4 x rw\n1 0 0:1 /v/{ID}/_data /data rw - ext4 x rw\n"), ()),
        # No container, though its host name could be one.
        (view("1 0 0:1 / / rw - ext4 x rw\n", hostname="0123456789ab"), ()),
        (view("", "0::/user.slice\n"), ()),
        (view("", f"x{ID}x{ID}0"), (ID,)),
    ],
)
def test_the_own_container_is_looked_for_where_its_id_may_stand(
    seen: View, found: tuple[str, ...]
) -> None:
    assert suspects(seen) == found


@pytest.mark.parametrize(
    ("name", "folder", "sources"),
    [
        ("bridge", "/app", ["/srv/facts/app"]),
        ("bridge", "/app/coding/new", ["/srv/facts/app/coding/new"]),
        ("private", "/app/coding", ["/srv/facts/app/coding"]),
        ("host_network", "/app/coding", ["/srv/facts/app/coding"]),
        ("joined_network", "/app/coding", ["/srv/facts/app/coding"]),
        ("space", "/my app/co ding", ["/srv/facts/with space/co ding"]),
        ("link", "/app/x", ["/srv/facts/link/x"]),
        ("volume", "/data", ["volume data"]),
        ("volume", "/data/x/y", ["/var/lib/docker/volumes/data/_data/x/y"]),
        ("bound_volume", "/data", ["volume bound"]),
        ("bound_volume", "/data/x", ["/var/lib/docker/volumes/bound/_data/x"]),
        ("nested", "/app/coding", ["volume data"]),
        ("nested", "/app/coding/x", ["/var/lib/docker/volumes/data/_data/x"]),
        ("nested", "/app/other", ["/srv/facts/app/other"]),
        ("nested", "/app", ["/srv/facts/app"]),
        ("below", "/app/tmp", []),
        ("below", "/app/tmp/x", []),
        ("bridge", "/", []),
        ("bridge", "/application", []),
        ("bridge", "/etc", []),
        ("read_only", "/app", []),
    ],
)
def test_a_folder_is_mapped_by_the_mount_that_it_is_on(
    name: str, folder: str, sources: list[str]
) -> None:
    seen, inspected = recorded(name, folder)
    assert [str(source) for source in mapped(seen, inspected, "1.41")] == sources


@pytest.mark.parametrize(
    ("api", "first"), [("1.44", None), ("1.45", "x"), ("1.100", "x"), ("2", "x")]
)
def test_newer_engines_are_given_the_folder_of_a_volume_as_such(
    api: str, first: str | None
) -> None:
    """And if they still leave it out, the other one is tried."""
    seen, inspected = recorded("volume", "/data/x")
    found = [(source.kind, source.subpath) for source in mapped(seen, inspected, api)]
    assert found == ([("volume", first)] if first else []) + [("bind", "")]


def test_an_application_that_has_a_folder_of_a_volume_itself() -> None:
    seen, inspected = recorded("volume", "/data/x")
    options = {"Subpath": "inner/"}
    inspected["HostConfig"]["Mounts"] = [{"Target": "/data", "VolumeOptions": options}]
    assert [str(each) for each in mapped(seen, inspected, "1.45")] == [
        "volume data, folder inner/x",
        "/var/lib/docker/volumes/data/_data/inner/x",
    ]


@pytest.mark.parametrize("destination", ["/", "/app/coding", "/app2", "/ap", ""])
def test_a_container_that_has_the_mount_elsewhere_is_another(destination: str) -> None:
    """It may see the same file, and its paths are not ours."""
    seen, inspected = recorded("bridge", "/app/coding")
    inspected["Mounts"][0]["Destination"] = destination
    assert list(mapped(seen, inspected, "1.41")) == []
    assert not possible({"State": "running", "Mounts": inspected["Mounts"]}, seen)


def test_what_was_mounted_inside_is_told() -> None:
    assert hidden(*recorded("below", "/app")) == ("/app/tmp", "/app/coding/data")
    assert hidden(*recorded("below", "/app/coding")) == ("/app/coding/data",)
    assert hidden(*recorded("bridge", "/app")) == ()


def test_what_the_engines_host_has_mounted_inside_is_seen_elsewhere_too() -> None:
    seen, inspected = recorded("bridge", "/app")
    inner = "\n400 383 254:1 / /app/disk rw,relatime - ext4 /dev/vdb rw"
    assert hidden(replace(seen, mountinfo=seen.mountinfo + inner), inspected) == ()


def test_what_is_not_running_is_not_this_process() -> None:
    seen, inspected = recorded("bridge", "/app")
    assert not possible({"State": "exited", "Mounts": inspected["Mounts"]}, seen)
    assert not possible({"State": "running", "Mounts": None}, seen)


@pytest.mark.parametrize(
    ("host", "sources"),
    [
        ({"Binds": ["/Users/me/app:/app:rw"]}, ["/host_mnt/Users/me/app/x", "/Users/me/app/x"]),
        ({"Binds": ["C:\\me\\app:/app"]}, ["/host_mnt/Users/me/app/x", "C:\\me\\app\\x"]),
        ({"Binds": ["C:/me/app:/app:z"]}, ["/host_mnt/Users/me/app/x", "C:/me/app/x"]),
        ({"Binds": ["/other:/app2", "/x:/data"]}, ["/host_mnt/Users/me/app/x"]),
        (
            {"Mounts": [{"Type": "bind", "Source": "/Users/me/app", "Target": "/app"}]},
            ["/host_mnt/Users/me/app/x", "/Users/me/app/x"],
        ),
        ({"Binds": None, "Mounts": None}, ["/host_mnt/Users/me/app/x"]),
    ],
)
def test_the_users_own_spelling_comes_second(host: dict[str, Any], sources: list[str]) -> None:
    """Docker Desktop says of a folder where it is in the engine's virtual machine."""
    seen, inspected = recorded("bridge", "/app/x")
    inspected["Mounts"][0]["Source"] = "/host_mnt/Users/me/app"
    inspected["HostConfig"] = host
    assert [each.source for each in mapped(seen, inspected, "1.41")] == sources


def test_a_source_says_why() -> None:
    seen, inspected = recorded("bridge", "/app/x")
    (found,) = mapped(seen, inspected, "1.41")
    short = inspected["Id"][:12]
    reason = f"/srv/facts/app is /app of container {short}"
    assert found == Source("/srv/facts/app/x", "bind", reason)


SAY_IT = "pass bind_dir: the path that the work_dir has on the engine's host"
MOUNT_IT = "mount a folder of the engine's host, or a named volume, where the work_dir is"


@pytest.mark.parametrize(
    ("name", "folder", "found", "message", "hint"),
    [
        (
            "bridge",
            "/root/x",
            False,
            "is on this container's own file system, which no other container can be given",
            MOUNT_IT,
        ),
        (
            "below",
            "/app/tmp",
            False,
            "is in this container's memory (tmpfs), which no other container can be given",
            MOUNT_IT,
        ),
        (
            "read_only",
            "/app/x",
            True,
            "is read-only: so is the mount at /app",
            "mount it for writing into the container that this process is in",
        ),
        (
            "bridge",
            "/app/x",
            False,
            "cannot be found: this process is in a container, but in none of this engine's",
            SAY_IT,
        ),
        (
            "bridge",
            "/app/x",
            True,
            "is on a mount at /app of {id} that is not the engine's",
            SAY_IT,
        ),
        (
            "machine",
            "/home/me",
            False,
            "is not on the engine's host, or not shared with it, under the same path",
            SAY_IT,
        ),
    ],
)
def test_what_stands_in_the_way_is_said(
    name: str, folder: str, found: bool, message: str, hint: str
) -> None:
    seen, inspected = recorded(name, folder)
    error = unshared(seen, inspected if found else None)
    assert error.message == f"folder {folder} {message.format(id=inspected['Id'][:12])}"
    assert error.hint == hint
    assert error.hint.check == ("dood.bind" if hint == SAY_IT else "dood.workdir")
    assert error.hint.flags == ("--work-dir", folder)


@given(st.text(), st.text(), st.text())
def test_nothing_that_a_kernel_could_say_is_too_odd(
    mountinfo: str, cgroup: str, hostname: str
) -> None:
    seen = View("/x", mountinfo, cgroup, hostname)
    assert set(suspects(seen)) <= set(suspects(View("/", mountinfo, cgroup, hostname)))
    assert list(mapped(seen, {}, "")) == []


def test_the_cases_are_all_read() -> None:
    used = Path(__file__).read_text("utf-8")
    names = [path.stem for path in (CASES / "host_path").iterdir()]
    assert [name for name in names if f'"{name}"' not in used] == []
