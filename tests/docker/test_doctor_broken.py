"""Set-ups that are really broken: the right check says so, no other does, and its fix mends it.

A fix is pasted into a shell, whose environment is the next one's; where it is a sentence, the case
does what that says.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.docker.doctoring import doctor, pasted, unsteered

pytestmark = pytest.mark.docker

GONE = "tcp://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Broken:
    """What is broken, by which check that is to be told, and what is done where no command is.

    `{tmp}` in a text is the test's own folder, which is the home, too.
    """

    check: str
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    make: Callable[[Path], object] | None = None
    mend: Callable[[Path], object] | None = None


def configured(**content: object) -> dict[str, str]:
    return {".docker/config.json": json.dumps(content)}


def unconfigure(home: Path) -> None:
    (home / ".docker" / "config.json").unlink()


def install_helper(home: Path) -> None:
    program = home / "bin" / "docker-credential-gone"
    program.parent.mkdir()
    program.touch(mode=0o755)


def bind_socket(home: Path) -> None:
    """A socket at which nobody listens: its engine has stopped."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "stopped.sock"))


BROKEN: Mapping[str, Broken] = {
    "a context that is gone": Broken("endpoint.resolve", {"DOCKER_CONTEXT": "gone"}),
    "a current context that is gone": Broken(
        "endpoint.resolve", files=configured(currentContext="gone"), mend=unconfigure
    ),
    "an address that is none": Broken("endpoint.resolve", {"DOCKER_HOST": "nonsense"}),
    "no socket": Broken("endpoint.socket", {"DOCKER_HOST": "unix://{tmp}/none.sock"}),
    "a dangling socket": Broken(
        "endpoint.socket",
        {"DOCKER_HOST": "unix://{tmp}/link.sock"},
        make=lambda home: (home / "link.sock").symlink_to(home / "none.sock"),
    ),
    "a socket that is a folder": Broken(
        "endpoint.socket",
        {"DOCKER_HOST": "unix://{tmp}/folder.sock"},
        make=lambda home: (home / "folder.sock").mkdir(),
    ),
    "a socket that is a file": Broken(
        "endpoint.socket", {"DOCKER_HOST": "unix://{tmp}/file.sock"}, {"file.sock": ""}
    ),
    "an engine that has stopped": Broken(
        "endpoint.reach", {"DOCKER_HOST": "unix://{tmp}/stopped.sock"}, make=bind_socket
    ),
    "a port at which nobody listens": Broken("endpoint.reach", {"DOCKER_HOST": GONE}),
    "TLS without a host": Broken("client.env", {"DOCKER_TLS_VERIFY": "1"}),
    "no certificates": Broken(
        "client.env",
        {"DOCKER_CERT_PATH": "{tmp}/certificates"},
        make=lambda home: (home / "certificates").mkdir(),
    ),
    "a CA bundle that is gone": Broken("client.env", {"SSL_CERT_FILE": "{tmp}/none.pem"}),
    "a CA bundle without certificates": Broken(
        "client.env", {"REQUESTS_CA_BUNDLE": "{tmp}/ca.pem"}, {"ca.pem": "nothing"}
    ),
    "packages that go elsewhere": Broken("client.env", {"PIP_TARGET": "/elsewhere"}),
    "a broken configuration": Broken(
        "client.config", files={".docker/config.json": "{"}, mend=unconfigure
    ),
    "a credential program that is missing": Broken(
        "client.config", files=configured(credsStore="gone"), mend=install_helper
    ),
    "a proxy that does not answer": Broken("net.proxy", {"HTTP_PROXY": "http://127.0.0.1:9"}),
    "a proxy that containers cannot reach": Broken(
        "net.proxy",
        files=configured(proxies={"default": {"httpProxy": "http://localhost:3128"}}),
        mend=unconfigure,
    ),
    "a bind_dir of another folder": Broken(
        "dood.bind",
        {"TOOLKIT_BIND_DIR": "/usr"},
        options=("--work-dir", "{tmp}/work"),
        make=lambda home: (home / "work").mkdir(),
    ),
    "a bind_dir that is nowhere": Broken(
        "dood.bind",
        {"TOOLKIT_PATH_MAP": "{tmp}=/nowhere"},
        options=("--work-dir", "{tmp}/work"),
        make=lambda home: (home / "work").mkdir(),
    ),
    "a work dir that is a file": Broken(
        "workdir.local",
        files={"work": ""},
        options=("--work-dir", "{tmp}/work"),
        mend=lambda home: (home / "work").unlink(),
    ),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def healthy(home: Path) -> dict[str, str]:
    return unsteered(os.environ, str(home))


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_told_by_its_own_check_and_mended_by_its_fix(
    name: str, home: Path, healthy: dict[str, str]
) -> None:
    broken = BROKEN[name]
    usual = set(doctor(healthy))  # of the engine itself
    for path, content in broken.files.items():
        (home / path).parent.mkdir(exist_ok=True)
        (home / path).write_text(content)
    if broken.make is not None:
        broken.make(home)
    env = {**healthy, **{key: text.format(tmp=home) for key, text in broken.env.items()}}
    options = [text.format(tmp=home) for text in broken.options]
    problems = doctor(env, *options)
    assert set(problems) - usual == {broken.check}
    told = problems[broken.check]
    assert told["why"]
    if broken.mend is None:
        env = pasted(told["fix"]["commands"], env)
    else:
        assert told["fix"]["text"]
        broken.mend(home)
    assert set(doctor(env, *options)) - usual == set()
