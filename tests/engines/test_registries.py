"""Registries, on every engine: Debian's docker-registry in the same container, with TLS."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.docker.conftest import Cli
from tests.docker.registries.tokens import HTPASSWD, PASSWORD, USER, certify
from tests.engines.nested import Nested
from toolkit.engine import Engine, connect
from toolkit.errors import PullError, PushError
from toolkit.reference import ImageReference

pytestmark = pytest.mark.docker

_SECONDS: Final = 20.0


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed one, else Debian's, unpacked and not installed."""
    if found := shutil.which("docker-registry"):
        return Path(found)
    folder = tmp_path_factory.mktemp("docker-registry")
    fetch = ["apt-get", "download", "docker-registry"]
    try:
        subprocess.run(fetch, cwd=folder, check=True, capture_output=True, timeout=120)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("docker-registry is not installed, and Debian's package cannot be had")
    subprocess.run(["dpkg", "-x", next(folder.glob("*.deb")), "."], cwd=folder, check=True)
    return folder / "usr/bin/docker-registry"


@dataclass(frozen=True, slots=True)
class Registries:
    """Their addresses. Not of loopback: there Docker goes on without TLS after any refusal."""

    open: str
    basic: str


@pytest.fixture(scope="session")
def registries(nest: Nested, first_engine: Engine, program: Path) -> Registries:
    """One that is open and one with a password; the engine trusts the CA of both.

    They end with the container.
    """
    found = first_engine.inspect_container(nest.container)
    assert found is not None
    host = next(iter(found["NetworkSettings"]["Networks"].values()))["IPAddress"]
    addresses = Registries(f"{host}:5790", f"{host}:5791")
    folder = nest.folder / "registries"
    folder.mkdir()
    shutil.copy(program, folder / "docker-registry")
    certify(folder, "ca")
    certify(folder, "tls", by="ca", address=host)
    (folder / "htpasswd").write_text(HTPASSWD)
    pair = {"certificate": f"{folder}/tls.crt", "key": f"{folder}/tls.key"}
    auth = {"auth": {"htpasswd": {"realm": "test", "path": f"{folder}/htpasswd"}}}
    for address, more in ((addresses.open, {}), (addresses.basic, auth)):
        configuration = {
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": f"{folder}/data"}},
            "http": {"addr": address, "tls": pair},
            **more,
        }
        file = folder / f"{address}.json"
        file.write_text(json.dumps(configuration))
        trusted = f"/etc/docker/certs.d/{address}"
        inside = f"mkdir -p {trusted} && cp {folder}/ca.crt {trusted}/"
        _run(
            first_engine,
            nest,
            f"{inside} && exec {folder}/docker-registry serve {file} >{file}.log 2>&1",
        )
    return addresses


def _run(first: Engine, nest: Nested, script: str) -> None:
    exec_id = first.create_exec(nest.container, ["sh", "-c", script])
    first.start_exec(exec_id).close()


def name_at(address: str) -> ImageReference:
    return ImageReference.parse(f"{address}/t/{uuid.uuid4().hex[:8]}:1")


def reachable(engine: Engine, registries: Registries) -> None:
    """Wait until both answer."""
    limit = time.monotonic() + _SECONDS
    for address in (registries.open, registries.basic):
        while True:
            with pytest.raises(PullError) as caught:
                engine.pull(name_at(address), waits=())
            if caught.value.trouble in {"absent", "denied"}:
                break
            assert time.monotonic() < limit, caught.value
            time.sleep(0.2)


def test_two_machines_build_once(
    nest: Nested, cli: Cli, engine: Engine, registries: Registries
) -> None:
    """The second is the same one after its image was removed."""
    reachable(engine, registries)
    name = f"t-{uuid.uuid4().hex[:8]}"
    cli.write(cli.wheel("tk_plain"))
    command = ("build-image", "--deps", "requirements.txt", "--name", name, "--json")
    shared = ("--registry", f"{registries.open}/cache", "--push")
    built = cli(*command, *shared)
    assert built.code == 0, (built.stderr, nest.log[-2000:])
    first = json.loads(built.stdout)
    assert first["action"] == "built"
    assert f"{registries.open}/cache/{name}:{first['digest'][:12]}@sha256:" in first["shared"]
    engine.remove_image(first["image"], force=True)
    pulled = cli(*command, *shared)
    assert pulled.code == 0, pulled.stderr
    second = json.loads(pulled.stdout)
    assert (second["action"], second["shared"]) == ("pulled", first["shared"])
    with engine.open("GET", "/images/json", doing="listing images") as answer:
        listed = json.loads(b"".join(answer.chunks()))
    names = [tag for each in listed for tag in each["RepoTags"] or ()]
    assert [tag for tag in names if tag.startswith(f"{registries.open}/cache/{name}")] == []
    engine.remove_image(first["image"], force=True)


@pytest.fixture
def trusted(nest: Nested, registries: Registries) -> Iterator[str]:
    """The open registry, which the first engine, another machine, trusts as well."""
    folder = Path("/etc/docker/certs.d") / registries.open
    folder.mkdir(parents=True)
    shutil.copy(nest.folder / "registries" / "ca.crt", folder)
    yield registries.open
    shutil.rmtree(folder)


def test_another_machine_pulls_what_this_one_has_built(
    nest: Nested, cli: Cli, engine: Engine, first_engine: Engine, trusted: str
) -> None:
    """Two engines, with caches of their own, and one registry."""
    reachable(engine, Registries(trusted, trusted))
    name = f"t-{uuid.uuid4().hex[:8]}"
    cli.write(cli.wheel("tk_plain"))
    command = ("build-image", "--deps", "requirements.txt", "--name", name, "--json")
    shared = ("--registry", f"{trusted}/cache")
    # What is not to be pushed may have layers that the other engine is too old to read.
    before = cli("build-image", "--deps", "requirements.txt", "--name", f"{name}-b")
    assert before.code == 0, before.stderr
    built = cli(*command, *shared, "--push")
    assert built.code == 0, (built.stderr, nest.log[-2000:])
    elsewhere = {"DOCKER_HOST": None, "XDG_CACHE_HOME": str(cli.folder / "cache")}
    pulled = cli(*command, *shared, env=elsewhere)
    assert pulled.code == 0, pulled.stderr
    first, second = json.loads(built.stdout), json.loads(pulled.stdout)
    try:
        assert (first["action"], second["action"]) == ("built", "pulled"), pulled.stderr
        assert (second["digest"], second["shared"]) == (first["digest"], first["shared"])
    finally:
        first_engine.remove_image(second["image"], force=True)
    engine.remove_image(first["image"], force=True)
    engine.remove_image(before.stdout.strip(), force=True)


def test_a_log_in_is_asked_for_and_used(
    registries: Registries,
    engine: Engine,
    nest: Nested,
    base: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reachable(engine, registries)
    name = name_at(registries.basic)
    found = engine.inspect_image(base)
    assert found is not None
    engine.tag_image(found["Id"], name)
    with pytest.raises(PushError) as caught:
        engine.push(name)
    assert str(caught.value).startswith(f"the image {name} may not be pushed: ")
    assert (
        caught.value.hint
        == f"run `docker login {registries.basic}` with an account that may push there"
    )
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    known = {"auths": {registries.basic: {"auth": login}}}
    (tmp_path / "config.json").write_text(json.dumps(known))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with connect(nest.address) as again:
        digest = again.push(name)
        assert str(digest).startswith("sha256:")
        engine.remove_image(str(name))
        assert again.pull(name) in {digest, None}
    engine.remove_image(str(name))


def test_what_is_not_there_is_told_in_the_same_words(
    engine: Engine, registries: Registries
) -> None:
    reachable(engine, registries)
    name = name_at(registries.open)
    with pytest.raises(PullError) as pulling:
        engine.pull(name)
    assert str(pulling.value).startswith(f"the image {name} does not exist: ")
    with pytest.raises(PushError) as pushing:
        engine.push(name)
    assert str(pushing.value) == f"the image {name} is not on the engine"
