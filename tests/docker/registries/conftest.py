"""Four registries, started by pytest-docker: open, with a password, with tokens, with TLS."""

from __future__ import annotations

import http.client
import io
import ipaddress
import json
import tarfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docker.compose import compose
from tests.docker.conftest import RUN, Cli, Started, images_of, remove_named
from tests.docker.packages import write_wheel
from tests.docker.registries.proxy import Proxy, proxying
from tests.docker.registries.tokens import (
    HTPASSWD,
    ISSUER,
    SERVICE,
    certify,
    token_server,
)
from toolkit.engine import Engine, connect
from toolkit.reference import ImageReference

KEY: Final = "toolkit-test-registries"

_HERE: Final = Path(__file__).parent
_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Registries:
    """Their addresses, as `host:port`, and the certificate of the CA of the one with TLS."""

    open: str
    basic: str
    token: str
    tls: str
    ca: Path


@pytest.fixture(scope="session")
def gateway(first_engine: Engine) -> str:
    """An address of this machine that the engine does not take for itself, as it does loopback."""
    if first_engine.endpoint.socket_path is None:
        pytest.fail("this test needs the engine on its own machine")
    with first_engine.open("GET", "/networks/bridge", doing="looking at a network") as answer:
        network = json.loads(b"".join(answer.chunks()))
    said = network["IPAM"]["Config"][0]
    return str(said.get("Gateway") or next(ipaddress.ip_network(said["Subnet"]).hosts()))


@pytest.fixture(scope="session")
def configured(tmp_path_factory: pytest.TempPathFactory, gateway: str) -> Iterator[Path]:
    """The folder with what the registries are configured by; its token server runs."""
    folder = tmp_path_factory.mktemp("registries")
    folder.chmod(0o755)
    certify(folder, "ca")
    certify(folder, "tls", by="ca", address=gateway)
    certify(folder, "token", key="rsa")
    (folder / "htpasswd").write_text(HTPASSWD)
    with token_server(folder) as port:
        _configure(folder, "open", {})
        basic = {"htpasswd": {"realm": "test", "path": "/config/htpasswd"}}
        _configure(folder, "basic", {"auth": basic})
        token = {
            "realm": f"http://127.0.0.1:{port}/token",
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": "/config/token.crt",
        }
        _configure(folder, "token", {"auth": {"token": token}})
        pair = {"certificate": "/config/tls.crt", "key": "/config/tls.key"}
        _configure(folder, "tls", {"http": {"addr": ":5000", "tls": pair}})
        yield folder


def _configure(folder: Path, name: str, more: Mapping[str, Any]) -> None:
    configuration = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": "/data"}},
        "http": {"addr": ":5000"},
        **more,
    }
    (folder / f"{name}.json").write_text(json.dumps(configuration))


@pytest.fixture(scope="session")
def registry_image(
    tmp_path_factory: pytest.TempPathFactory,
    environment: Mapping[str, str],
    started: Started,
    first_engine: Engine,
) -> Iterator[str]:
    """Debian's docker-registry, in an image as this project builds them."""
    cli = Cli(tmp_path_factory.mktemp("registry-image"), environment, started.pids)
    cli.write(f"./{write_wheel(cli.folder, 'tk_nothing').name}")
    name = f"registry-{RUN}"  # not `t-…`: it stays to the end, and no test has left it
    wanted = ("--deps", "requirements.txt", "--apt", "docker-registry", "--name", name)
    answer = cli("build-image", *wanted, "--no-verify", env={"TOOLKIT_REGISTRY": None})
    assert answer.code == 0, answer.stderr
    yield answer.stdout.strip()
    remove_named(first_engine, name)
    assert images_of(first_engine, name) == []


@pytest.fixture(scope="session")
def docker_compose_command(registry_image: str, configured: Path, gateway: str) -> str:
    """The command with its variables, as pytest-docker hands it to a shell."""
    variables = {
        "TOOLKIT_TEST_IMAGE": registry_image,
        "TOOLKIT_TEST_FOLDER": str(configured),
        "TOOLKIT_TEST_GATEWAY": gateway,
        "TOOLKIT_TEST_RUN": RUN,
    }
    return compose(variables)


@pytest.fixture(scope="session")
def docker_compose_file(first_engine: Engine) -> Iterator[str]:
    """Afterwards nothing of it is left, not even of a start that failed."""
    yield str(_HERE / "compose.yml")
    left = [each["Id"] for each in first_engine.list_containers(f"{KEY}={RUN}")]
    for container in left:
        first_engine.remove_container(container)
    assert left == []
    assert first_engine.list_networks(f"{KEY}={RUN}") == []
    assert first_engine.list_volumes(f"{KEY}={RUN}") == []


@pytest.fixture(scope="session")
def docker_compose_project_name() -> str:
    return f"toolkit-test-{RUN}"


@pytest.fixture(scope="session")
def docker_setup() -> str:
    return "up --detach"


@pytest.fixture(scope="session")
def registries(
    docker_services: Any,  # noqa: ANN401 - pytest-docker's, which has no types
    first_engine: Engine,
    configured: Path,
) -> Iterator[Registries]:
    """All four, answering; afterwards no image has a name of theirs."""
    found: dict[str, str] = {}
    for container in first_engine.list_containers(f"{KEY}={RUN}"):
        port = next(port for port in container["Ports"] if "PublicPort" in port)
        service = container["Labels"]["com.docker.compose.service"]
        found[service] = f"{port['IP']}:{port['PublicPort']}"
    for address in found.values():
        docker_services.wait_until_responsive(
            check=partial(_answers, address), timeout=_SECONDS, pause=0.05
        )
    yield Registries(**found, ca=configured / "ca.crt")
    assert names_of(first_engine, *(f"{address}/" for address in found.values())) == []


def _answers(address: str) -> bool:
    """Whether it answers, be it that it wants a log-in, or TLS."""
    with (
        suppress(OSError, http.client.HTTPException),
        closing(http.client.HTTPConnection(address, timeout=5)) as connection,
    ):
        connection.request("GET", "/v2/")
        return connection.getresponse().status in {200, 400, 401}
    return False


def names_of(engine: Engine, *beginnings: str) -> list[str]:
    """Names on the engine that begin so, with tags and with digests."""
    with engine.open("GET", "/images/json", doing="listing images") as answer:
        images = json.loads(b"".join(answer.chunks()))
    names = [
        name
        for each in images
        for name in (*(each["RepoTags"] or ()), *(each["RepoDigests"] or ()))
    ]
    return [name for name in names if name.startswith(beginnings)]


@pytest.fixture
def proxy(registries: Registries, first_engine: Engine) -> Iterator[Proxy]:
    """What stands before the open registry and has the faults that a test gives it."""
    with proxying(int(registries.open.partition(":")[2])) as made:
        yield made
        assert names_of(first_engine, f"{made.address}/") == []


class Tiny:
    """Makes images of a few bytes, each under a name of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.names: list[str] = []

    def __call__(self, name: str, **labels: str) -> str:
        """Make one with these labels; gives its id."""
        content, file = uuid.uuid4().bytes, io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as archive:
            entry = tarfile.TarInfo("file")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        file.seek(0)
        changes = [f"LABEL {label}={text}" for label, text in {KEY: RUN, **labels}.items()]
        made = self._engine.import_image(file, changes=changes)
        self._engine.tag_image(made, ImageReference.parse(name))
        self.names.append(name)
        return made


@pytest.fixture
def tiny(first_engine: Engine) -> Iterator[Tiny]:
    """What has one of their names afterwards is removed."""
    made = Tiny(first_engine)
    yield made
    for name in made.names:
        first_engine.remove_image(name)
    assert first_engine.list_images(f"{KEY}={RUN}") == []


Configured = Callable[[Mapping[str, Any]], Engine]


@pytest.fixture
def engine_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Configured]:
    """The engine, for whom docker's configuration is this one."""
    made: list[Engine] = []

    def configured(configuration: Mapping[str, Any]) -> Engine:
        folder = tmp_path / f"docker-{len(made)}"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(configuration))
        monkeypatch.setenv("DOCKER_CONFIG", str(folder))
        made.append(connect())
        return made[-1]

    yield configured
    for engine in made:
        engine.close()
