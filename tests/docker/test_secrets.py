"""What is secret reaches the build and is found nowhere afterwards, looked for byte by byte.

The index is a real one on the engine's own network, which lets nobody in without the login.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import certifi
import pytest

from tests.docker.conftest import Cli
from tests.docker.package_index import serving
from tests.docker.packages import PLAIN, write_project, write_wheel
from toolkit import builder, context, resources
from toolkit.builder import BuildOptions, secrets
from toolkit.deps import Dependencies
from toolkit.engine import Engine, buildkit
from toolkit.engine.buildkit import StepLog
from toolkit.spec import ImageSpec

pytestmark = pytest.mark.docker


def _random() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Index:
    """A package index; it has uv and pip, `tk_private` and `tk_direct`."""

    host: str
    login: str
    password: str

    @property
    def url(self) -> str:
        return f"http://{self.login}:{self.password}@{self.host}/simple/"

    @property
    def needles(self) -> tuple[str, ...]:
        """What nothing may hold: the password, and the login as it is sent."""
        pair = f"{self.login}:{self.password}".encode()
        return self.login, self.password, base64.b64encode(pair).decode().rstrip("=")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    shutil.copytree(downloads, folder, dirs_exist_ok=True)
    for name in ("tk_private", "tk_direct"):
        write_wheel(folder, name)
    return folder


@pytest.fixture
def index(packages: Path, first_engine: Engine) -> Iterator[Index]:
    """An index with a login of its own for each test, at the engine's gateway."""
    with first_engine.open("GET", "/networks/bridge", doing="finding the gateway") as answer:
        network = json.loads(b"".join(answer.chunks()))["IPAM"]["Config"][0]
    # Docker 20.10 does not name it where it made the bridge itself: at its first start.
    gateway = network.get("Gateway") or str(next(ip_network(network["Subnet"]).hosts()))
    login, password = f"user{_random()}", f"pass{_random()}"
    with serving(packages, gateway, login=f"{login}:{password}") as port:
        yield Index(f"{gateway}:{port}", login, password)


BACKEND = """
import hashlib, os

def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()

for name, expected in {expected!r}.items():
    assert digest(os.environ[name]) == expected, name
with open(os.environ["SSL_CERT_FILE"]) as bundle:
    assert digest(bundle.read()) == {bundle!r}
"""


@pytest.fixture
def secretive(index: Index, tmp_path: Path) -> dict[str, str]:
    """An environment full of secrets, by the names that reach a build."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(f"{Path(certifi.where()).read_text()}\n# {_random()}\n")
    proxy = f"http://proxy{_random()}:{_random()}@proxy.invalid:3128"
    host = index.host.partition(":")[0]
    return {
        "PIP_INDEX_URL": index.url,
        "PIP_TRUSTED_HOST": host,
        "UV_INDEX_PRIVATE_USERNAME": f"name{_random()}",
        "UV_INDEX_PRIVATE_PASSWORD": f"word{_random()}",
        "HTTP_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": f"{host},{_random()}.example",
        "SSL_CERT_FILE": str(bundle),
    }


def _needles(index: Index, environment: Mapping[str, str]) -> list[str]:
    """Every part of the secrets that is one by itself."""
    proxy = environment["HTTP_PROXY"].removeprefix("http://").partition("@")[0].split(":")
    marker = Path(environment["SSL_CERT_FILE"]).read_text().splitlines()[-1].removeprefix("# ")
    return [
        *index.needles,
        index.host,
        environment["UV_INDEX_PRIVATE_USERNAME"],
        environment["UV_INDEX_PRIVATE_PASSWORD"],
        *proxy,
        environment["NO_PROXY"].partition(",")[2],
        marker,
    ]


def _everything(engine: Engine, image: str) -> Iterator[tuple[str, bytes]]:
    """All bytes that an image leaves on its engine, each with the place where they are."""
    for path in (f"/images/{image}/json", f"/images/{image}/history", "/system/df"):
        with engine.open("GET", path, doing="looking") as answer:
            yield path, b"".join(answer.chunks())
    with engine.open("GET", f"/images/{image}/get", doing="saving an image") as answer:
        saved = io.BytesIO(b"".join(answer.chunks()))
    with tarfile.open(fileobj=saved) as outer:
        for member in outer.getmembers():
            file = outer.extractfile(member)
            content = b"" if file is None else file.read()
            yield member.name, gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _files(engine: Engine, image: str) -> set[str]:
    """Every file of every layer, by its path in the image."""
    found: set[str] = set()
    for _, content in _everything(engine, image):
        with (
            contextlib.suppress(tarfile.TarError),
            tarfile.open(fileobj=io.BytesIO(content)) as tar,
        ):
            found |= {member.name.removeprefix("./") for member in tar if not member.isdir()}
    return found


def _cached(engine: Engine, base: str, needles: Iterable[str]) -> list[str]:
    """Names of files of the caches that builds share, with one of the needles in them."""
    caches = sorted(set(re.findall(r"type=cache,id=(toolkit-[\w.-]+)", _dockerfile(engine, base))))
    mounts = "".join(f" --mount=type=cache,id={each},target=/cache/{each}" for each in caches)
    look = (
        f"FROM {base}\nRUN{mounts}"
        " --mount=type=secret,id=needles,required=true"
        f" : {_random()}; grep -rlFf /run/secrets/needles /cache || true\n"
    )
    lines: list[str] = []
    packed = context.pack([context.ContextFile("Dockerfile", look.encode())])
    image = buildkit.build(
        engine,
        buildkit.BuildRequest(packed),
        secrets={"needles": "\n".join(needles).encode()},
        on_event=lambda event: lines.append(event.line) if isinstance(event, StepLog) else None,
    )
    engine.remove_image(image)
    return lines


def _dockerfile(engine: Engine, base: str) -> str:
    """What is built on that base, whatever is required."""
    options = BuildOptions(resources.cache(os.environ))
    spec = ImageSpec.from_mapping({"base": base}, Dependencies())
    return builder.plan(spec, engine=engine, options=options).rendered.dockerfile


def _places(engine: Engine, image: str, needles: Iterable[str]) -> dict[str, list[str]]:
    """Where each needle is; those that are nowhere are left out."""
    found: dict[str, list[str]] = {}
    for place, content in _everything(engine, image):
        for needle in needles:
            if needle.encode() in content:
                found.setdefault(needle, []).append(place)
    return found


def test_the_environments_secrets_reach_the_build_and_are_nowhere_afterwards(
    cli: Cli, name: str, index: Index, secretive: dict[str, str], first_engine: Engine
) -> None:
    """Index, proxies, certificates: in no layer, no history, no listing, and nothing said.

    A label and a line of code show that the search finds what is there.
    """
    seen = {
        each: hashlib.sha256(secretive[each].encode()).hexdigest()
        for each in ("HTTP_PROXY", "https_proxy", "NO_PROXY", "UV_INDEX_PRIVATE_PASSWORD")
    }
    bundle = hashlib.sha256(Path(secretive["SSL_CERT_FILE"]).read_bytes()).hexdigest()
    write_project(cli.folder / "tk_seeing", BACKEND.format(expected=seen, bundle=bundle) + PLAIN)
    open_code, open_label = _random(), _random()
    wheel = cli.wheel("tk_open", {"tk_open.py": f"MARK = '{open_code}'\n"})
    cli.write("tk_private", "./tk_seeing", wheel)
    command = ("build-image", "--deps", "requirements.txt", "--name", name, "--verbose")
    answer = cli(*command, "--label", f"mark={open_label}", env=secretive)
    assert answer.code == 0, answer.stderr
    needles = _needles(index, secretive)
    assert [each for each in needles if each in answer.stderr + answer.stdout] == []
    image = answer.stdout.strip()
    found = _places(first_engine, image, [*needles, open_code, open_label])
    assert set(found) == {open_code, open_label}
    assert any(place.startswith("/images/") for place in found[open_label])
    assert not any(place.startswith("/") for place in found[open_code])


def test_credentials_of_a_requirements_file_are_nowhere(
    cli: Cli, name: str, index: Index, first_engine: Engine
) -> None:
    """In the address of an index, and in that of a file."""
    path = f"{index.host}/files/tk_direct-1.0-py3-none-any.whl"
    direct = f"tk_direct @ http://{index.login}:{index.password}@{path}"
    cli.write(f"--index-url {index.url}", "tk_private", direct)
    command = ("build-image", "--deps", "requirements.txt", "--name", name, "--verbose")
    answer = cli(*command)
    assert answer.code == 0, answer.stderr
    assert [each for each in index.needles if each in answer.stderr + answer.stdout] == []
    assert _places(first_engine, answer.stdout.strip(), index.needles) == {}


def test_a_debian_package_is_installed_without_a_trace_of_what_was_mounted(
    cli: Cli, name: str, index: Index, first_engine: Engine, base_image: str
) -> None:
    """Nor of its archive and apt's lists, which come from another stage."""
    needy = "import ctypes\nctypes.CDLL('libatomic.so.1')\n"
    cli.write(f"--index-url {index.url}", cli.wheel("tk_needy", {"tk_needy.py": needy}))
    command = ("build-image", "--deps", "requirements.txt", "--name", name)
    answer = cli(*command, "--apt", "libatomic1", "--no-cache")
    assert answer.code == 0, answer.stderr
    files = _files(first_engine, answer.stdout.strip()) - _files(first_engine, base_image)
    assert "opt/venv/pyvenv.cfg" in files
    mounted = ("run/", "tmp/", "dev/", "root/", "var/cache/apt/", "var/lib/apt/lists/")
    assert [each for each in files if each.startswith(mounted) or each.endswith("netrc")] == []


def test_the_cache_that_builds_share_has_no_credentials(
    cli: Cli, name: str, index: Index, first_engine: Engine, base_image: str
) -> None:
    """Whatever uv and pip keep there, the next build of anybody may read it."""
    wheel = cli.wheel("tk_cached")
    cli.write("tk_private", wheel)
    command = ("build-image", "--deps", "requirements.txt", "--name", name, "--no-verify")
    assert cli(*command, env={"PIP_INDEX_URL": index.url}).code == 0
    assert _cached(first_engine, base_image, ["tk_private"]) != []
    assert _cached(first_engine, base_image, index.needles) == []


def test_a_step_that_prints_its_secrets_is_not_shown_with_them(
    cli: Cli, name: str, index: Index, secretive: dict[str, str]
) -> None:
    """The user's name is left in an address that has a password as well."""
    backend = (
        "import os, sys\n"
        "for name, value in os.environ.items():\n    print(name, value, file=sys.stderr)\n"
        "raise SystemExit('after all that')\n"
    )
    write_project(cli.folder / "tk_talks", backend)
    cli.write("./tk_talks")
    answer = cli("build-image", "--deps", "requirements.txt", "--name", name, env=secretive)
    assert answer.code == 6
    assert f"PIP_INDEX_URL http://{index.login}:***@" in answer.stderr
    proxy = secretive["HTTP_PROXY"].partition("@")[0].rpartition(":")[2]
    passwords = [index.password, secretive["UV_INDEX_PRIVATE_PASSWORD"], proxy]
    assert [each for each in passwords if each in answer.stderr] == []


# By name.


@dataclass(frozen=True, slots=True)
class Named:
    """Secrets that are given by id: the options, and every part of them that is one by itself."""

    host: str
    options: tuple[str, ...]
    environment: Mapping[str, str | None]
    needles: tuple[str, ...]


@pytest.fixture
def named(index: Index, tmp_path: Path) -> Named:
    """A pip.conf with the index, a netrc file with its login, a bundle, one of the user's own.

    Nothing else says where the index is or who may enter.
    """
    stray, marker, own = f"stray{_random()}", _random(), _random()
    host = index.host.partition(":")[0]
    conf = (
        f"[global]\nindex-url = http://{index.host}/simple/\ntrusted-host = {host}\n"
        f"[install]\ntimeout = 60\n; {stray}\n"
    )
    netrc = f"machine {host} login {index.login} password {index.password}\n"
    bundle = f"{Path(certifi.where()).read_text()}\n# {marker}\n"
    options: list[str] = []
    for name, text in (("pip.conf", conf), ("netrc", netrc), ("ca", bundle)):
        (tmp_path / name).write_text(text)
        options += ["--secret", f"id={name},src={tmp_path / name}"]
    options += ["--secret", "id=mine,env=MY_TOKEN"]
    gone = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", *secrets.BUNDLES)
    environment = dict.fromkeys(gone) | {"MY_TOKEN": own}
    return Named(
        index.host, tuple(options), environment, (*index.needles, index.host, stray, marker, own)
    )


def test_secrets_that_are_named_reach_the_build_and_are_nowhere_afterwards(
    cli: Cli, name: str, named: Named, first_engine: Engine, base_image: str
) -> None:
    """Wheels and a source, both from an index that only the pip.conf and the netrc file open."""
    backend = "import os\nassert os.path.getsize(os.environ['SSL_CERT_FILE']) > 1000\n"
    write_project(cli.folder / "tk_seeing", backend + PLAIN)
    cli.write("tk_private", "./tk_seeing", cli.wheel("tk_open"))
    command = ("build-image", "--deps", "requirements.txt", "--name", name, "--verbose")
    answer = cli(*command, *named.options, env=named.environment)
    assert answer.code == 0, answer.stderr
    assert [each for each in named.needles if each in answer.stderr + answer.stdout] == []
    assert _places(first_engine, answer.stdout.strip(), named.needles) == {}
    # Where a wheel came from is no secret to the cache, who fetched it is.
    private = [each for each in named.needles if each != named.host]
    assert _cached(first_engine, base_image, private) == []


def test_a_build_that_fails_shows_no_secret_that_was_named(
    cli: Cli, name: str, named: Named, first_engine: Engine
) -> None:
    """Neither in its log nor in what the engine keeps of it."""
    backend = (
        "import glob, os, sys\n"
        "for path in glob.glob('/run/secrets/*'):\n"
        "    if not path.endswith('/ca'):\n"
        "        print(open(path).read(), file=sys.stderr)\n"
        "raise SystemExit('after all that')\n"
    )
    write_project(cli.folder / "tk_talks", backend)
    cli.write("./tk_talks")
    command = ("build-image", "--deps", "requirements.txt", "--name", name, "--verbose")
    answer = cli(*command, *named.options, env=named.environment)
    assert answer.code == 6
    assert "***" in answer.stderr
    _, password, pair, *_ = named.needles
    assert [each for each in (password, pair) if each in answer.stderr] == []
    with first_engine.open("GET", "/system/df", doing="looking") as usage:
        listing = b"".join(usage.chunks())
    assert [each for each in named.needles if each.encode() in listing] == []


def test_a_secret_of_the_users_own_is_there_for_a_template(
    first_engine: Engine, base_image: str
) -> None:
    """By its id, and only where it is mounted."""
    steps = (
        f"FROM {base_image}\n"
        f"RUN --mount=type=secret,id=mine : {_random()}; wc -c < /run/secrets/mine\n"
        "RUN ls /run/secrets/mine || true\n"
    )
    lines: list[str] = []
    packed = context.pack([context.ContextFile("Dockerfile", steps.encode())])
    image = buildkit.build(
        first_engine,
        buildkit.BuildRequest(packed),
        secrets=secrets.gathered(
            {}, ca_bundle=None, netrc=None, named=secrets.read(["id=mine,env=V"], {"V": "12345"})
        ),
        on_event=lambda event: lines.append(event.line) if isinstance(event, StepLog) else None,
    )
    first_engine.remove_image(image)
    assert [line.strip() for line in lines] == [
        "5",
        "ls: cannot access '/run/secrets/mine': No such file or directory",
    ]


def test_a_secret_file_that_is_missing(cli: Cli, name: str) -> None:
    cli.write("tk_private")
    command = ("build-image", "--deps", "requirements.txt", "--name", name)
    answer = cli(*command, "--secret", "id=netrc,src=gone")
    assert answer.refused(3) == (
        "the secret netrc cannot be read from gone: No such file or directory",
        "check the name of the file",
    )


def test_an_index_that_wants_a_log_in_says_how_to_give_one(cli: Cli, index: Index) -> None:
    host = index.host.partition(":")[0]
    cli.write(f"--index-url http://{index.host}/simple/", f"--trusted-host {host}", "tk_private")
    answer = cli("build-image", "--deps", "requirements.txt", env={"PIP_INDEX_URL": None})
    assert answer.refused(6) == (
        f"the package index at {host} wants another log-in than it got",
        (
            f"give one for {host}: --secret id=netrc,src=FILE, --secret id=pip.conf,src=FILE, or "
            "in the address of the index"
        ),
    ), answer.stderr
