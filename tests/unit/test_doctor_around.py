"""How facts of the engine's surroundings, and of what is left over, are gathered."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.doctor import around, leavings
from toolkit.engine.endpoint import Endpoint


@pytest.mark.parametrize(
    ("address", "env", "found"),
    [
        ("unix:///var/run/docker.sock", {"HTTP_PROXY": "p"}, ("", "")),
        ("tcp://far:2375", {}, ("far", "")),
        ("tcp://far:2375", {"HTTP_PROXY": "p"}, ("far", "HTTP_PROXY")),
        ("tcp://far:2375", {"HTTPS_PROXY": "p"}, ("far", "")),
        ("https://far:2376", {"HTTPS_PROXY": "p"}, ("far", "HTTPS_PROXY")),
        ("tcp://far:2375", {"ALL_PROXY": "p"}, ("far", "ALL_PROXY")),
        ("tcp://far:2375", {"HTTP_PROXY": "p", "NO_PROXY": "near,far"}, ("far", "")),
        ("tcp://far:2375", {"HTTP_PROXY": "p", "no_proxy": "*"}, ("far", "")),
        ("tcp://a.far:2375", {"HTTP_PROXY": "p", "no_proxy": ".far"}, ("a.far", "")),
        ("tcp://afar:2375", {"HTTP_PROXY": "p", "no_proxy": "far"}, ("afar", "HTTP_PROXY")),
    ],
)
def test_the_proxy_that_applies_to_an_engine(
    address: str, env: dict[str, str], found: tuple[str, str]
) -> None:
    assert around.proxy_of(address, env) == found


def test_subordinate_ids_are_counted_by_name_and_by_number() -> None:
    text = "ann:100000:65536\nbob:1:2\n1000:300000:10\nbroken\n"
    assert around.subordinate(text, "ann", 1000) == 65546
    assert around.subordinate(text, "eve", 7) == 0


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("1970-01-01T00:01:40.5Z", 50.5),
        ("1970-01-01T02:01:40.123456789+02:00", 50.123456),
        ("", None),
    ],
)
def test_the_engines_time_is_held_against_ours(said: str, seconds: float | None) -> None:
    assert around.clock({"SystemTime": said}, 50.0).seconds == pytest.approx(seconds)


def test_runtimes_and_gpus_are_read_from_what_the_engine_says(tmp_path: Path) -> None:
    (tmp_path / "runsc").touch(mode=0o755)
    info = {
        "Runtimes": {"runc": {}, "nvidia": {}},
        "DefaultRuntime": "runc",
        "DiscoveredDevices": [{"ID": "nvidia.com/gpu=0"}, {"ID": "a.b/c=1"}],
    }
    seen = around.runtimes(info, {"PATH": str(tmp_path)})
    assert (seen.registered, seen.default, seen.here) == (("nvidia", "runc"), "runc", ("runsc",))
    assert around.graphics(info).runtime
    assert around.graphics(info).cdi == ("nvidia.com/gpu=0",)


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Path]:
    """The socket of something that answers every call as an engine does `/version`."""
    path = tmp_path / ".rd" / "docker.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield path
        server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(4096)
            body = b'{"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10.24"}'
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )


def test_another_engine_is_found_and_a_link_to_the_own_one_is_none(
    answering: Path, tmp_path: Path
) -> None:
    elsewhere = Endpoint("unix:///nonexistent.sock", "x")
    assert str(answering) in around.others(elsewhere, {}, tmp_path).addresses
    link = tmp_path / "link.sock"
    link.symlink_to(answering)
    own = around.others(Endpoint(f"unix://{link}", "x"), {}, tmp_path)
    assert str(answering) not in own.addresses


def test_old_proofs_and_files_of_others_are_found_in_a_work_dir(tmp_path: Path) -> None:
    old, new = tmp_path / ".toolkit-proof-a", tmp_path / ".toolkit-proof-b"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    seen = leavings.files(tmp_path)
    assert (seen.proofs, seen.others) == ((str(old),), 0)
    if os.geteuid() == 0:
        os.chown(new, 12345, 12345)
        seen = leavings.files(tmp_path)
        assert (seen.others, seen.example) == (1, str(new))
