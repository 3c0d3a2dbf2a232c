"""When a container gets a time to live, and what an image's own volumes become."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.container import ContainerOptions, Mount
from toolkit.container.options import config, fingerprint, own_volumes
from toolkit.lifecycle.engines import TTL, Known, caller, is_rootless, suited, time_to_live

NEAR = Known(rootless=False, remapped=False, far=False, lasting=False, container="")
FAR = replace(NEAR, far=True)
LASTING = replace(NEAR, lasting=True)
REMAPPED = replace(NEAR, remapped=True)
WORK = Path("/work")


@pytest.mark.parametrize(
    ("engine", "options", "seconds"),
    [
        (NEAR, {}, 0),
        (NEAR, {"ttl": 30.0}, 30),
        (FAR, {}, TTL),
        (FAR, {"ttl": 30.0}, 30),
        (FAR, {"ttl": 0}, 0),
        (FAR, {"auto_remove": False}, TTL),
        (FAR, {"keep_running": True}, 0),
        (LASTING, {}, TTL),
    ],
)
def test_a_container_has_a_time_to_live_where_its_engine_may_not_hear_of_our_death(
    engine: Known, options: dict[str, float], seconds: float
) -> None:
    """Not on a local socket: a debugger that stops every thread must not end the container."""
    assert time_to_live(ContainerOptions(image="i", **options), engine) == seconds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("engine", "mount", "transfer", "warned"),
    [
        (NEAR, Mount("", "/w", proof=WORK, transfer="auto"), "auto", False),
        (REMAPPED, Mount("", "/w", proof=WORK, transfer="auto"), "copy", False),
        (REMAPPED, Mount("", "/w", proof=WORK, transfer="copy"), "copy", False),
        (REMAPPED, Mount("", "/w", proof=WORK, transfer="bind"), "bind", True),
        (REMAPPED, Mount("/given", "/w", proof=WORK, transfer="auto"), "auto", True),
        (REMAPPED, Mount("/data", "/d"), "bind", False),
    ],
)
def test_a_folder_is_copied_where_its_files_would_be_somebody_elses(
    engine: Known,
    mount: Mount,
    transfer: str,
    warned: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Unless it is to be shared all the same, or was said where it is."""
    (suiting,) = suited(ContainerOptions(image="i", mounts=(mount,)), engine).mounts
    assert suiting == replace(mount, transfer=transfer)  # type: ignore[arg-type]
    assert [record.levelname for record in caplog.records] == ["WARNING"] * warned


@pytest.mark.parametrize(
    ("given", "mode"), [({}, "host"), ({"HostConfig": {"UsernsMode": "keep-id"}}, "keep-id")]
)
def test_podman_is_told_whose_users_a_container_has(given: dict[str, object], mode: str) -> None:
    """Its containers.conf may say keep-id for all."""
    options = ContainerOptions(image="i", body=given)
    podman = replace(NEAR, rootless=True, adjustable=True)
    assert suited(options, podman).body["HostConfig"]["UsernsMode"] == mode
    assert suited(options, replace(NEAR, rootless=True)) == options


@pytest.mark.parametrize(
    ("engine", "uid", "user"),
    [
        (NEAR, 70_000, "70000:100"),
        (replace(NEAR, rootless=True), 1500, "0:0"),
        (replace(NEAR, rootless=True, container="c"), 1500, "1500:100"),
        (REMAPPED, 1500, "1500:100"),
        (REMAPPED, 65_535, "65535:100"),
        (REMAPPED, 65_536, "1000:100"),
    ],
)
def test_code_is_whom_the_engine_has(
    engine: Known, uid: int, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setattr(os, "getgid", lambda: 100)
    assert caller(engine) == user


@pytest.mark.parametrize(
    ("uid", "around"), [(0, "1"), (1499, "1500"), (1500, "0"), (1501, "1501"), (99_999, "99999")]
)
def test_a_user_of_an_own_namespace_is_another_in_a_siblings(
    uid: int, around: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `podman run --userns keep-id` maps them, for somebody who is 1500."""
    told = "         0          1       1500\n      1500          0          1\n 1501 1501 64036\n"
    monkeypatch.setattr(Path, "read_text", lambda *_: told)
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setattr(os, "getgid", lambda: uid)
    engine = replace(NEAR, rootless=True, container="c", apart=True)
    assert caller(engine) == f"{around}:{around}"


@pytest.mark.parametrize(
    ("info", "rootless"),
    [
        ({}, False),
        ({"SecurityOptions": ["name=seccomp,profile=default"], "Rootless": False}, False),
        ({"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}, True),
        # Podman 4.3's own word, and nothing among the options.
        ({"SecurityOptions": ["name=seccomp,profile=default"], "Rootless": True}, True),
    ],
)
def test_an_engine_without_roots_rights_is_known_by_what_it_says(
    info: dict[str, object], rootless: bool
) -> None:
    assert is_rootless(info) is rootless


def body(**options: object) -> dict[str, object]:
    return config(ContainerOptions(image="i", **options), "1:1", {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "targets"),
    [
        ({}, ["/a", "/b"]),
        ({"Mounts": [{"Type": "bind", "Source": "/x", "Target": "/a"}]}, ["/b"]),
        ({"Tmpfs": {"/b": ""}}, ["/a"]),
        ({"Binds": ["/x:/a:ro"]}, ["/b"]),
    ],
)
def test_a_volume_that_the_image_declares_is_made_with_labels_unless_something_is_there(
    host: dict[str, object], targets: list[str]
) -> None:
    image: dict[str, object] = {"Config": {"Volumes": {"/b": {}, "/a": {}}}}
    wanted: dict[str, object] = {"HostConfig": {"Mounts": [], **host}}
    made = own_volumes(image, wanted, {"k": "v"})
    assert [mount["Target"] for mount in made] == targets
    assert all(mount["VolumeOptions"] == {"Labels": {"k": "v"}} for mount in made)
    assert all("Source" not in mount for mount in made)


@pytest.mark.parametrize("image", [None, {}, {"Config": {"Volumes": None}}])
def test_most_images_declare_none(image: dict[str, object] | None) -> None:
    assert own_volumes(image, {"HostConfig": {"Mounts": []}}, {}) == []


def test_the_fingerprint_is_of_what_a_container_can_do_and_not_of_whether_it_is_kept() -> None:
    usual = fingerprint(body(), ())
    assert fingerprint(body(auto_remove=False, keep_running=True, name="n"), ()) == usual
    assert fingerprint(body(labels={"a": "b"}), ()) == usual
    for other in ({"network": "none"}, {"environment": {"A": "1"}}, {"working_dir": "/w"}):
        assert fingerprint(body(**other), ()) != usual
    assert "s3cret" not in fingerprint(body(environment={"TOKEN": "s3cret"}), ())
