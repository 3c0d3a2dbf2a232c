"""Images moved between the engine and a registry, and what is said when that fails."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docker.conftest import RUN, Cli
from tests.docker.registries.conftest import Configured, Registries, Tiny
from tests.docker.registries.proxy import Fault, Proxy
from tests.docker.registries.tokens import IDENTITY, PASSWORD, USER
from toolkit.engine import Engine, PullEvent, RetryEvent
from toolkit.errors import PullError, PushError, RegistryError, Trouble
from toolkit.reference import ImageReference

pytestmark = pytest.mark.docker

LIMITED: Final = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}'


def name_at(address: str) -> ImageReference:
    """A name that no other test uses."""
    return ImageReference.parse(f"{address}/t-{RUN}/{uuid.uuid4().hex[:8]}:1")


# Well.


def test_doctor_pulls_an_image_with_consent(
    cli: Cli, registries: Registries, tiny: Tiny, first_engine: Engine
) -> None:
    name = name_at(registries.open)
    tiny(str(name))
    assert cli("push-image", str(name)).code == 0
    first_engine.remove_image(str(name))
    asked = ("doctor", "--check", "image.present", "--image", str(name), "--fix")
    dry = cli(*asked, "--dry-run")
    assert (dry.code, dry.stderr) == (1, "would do image.present: pull it\n")
    assert first_engine.inspect_image(str(name)) is None
    mended = cli(*asked, "--yes")
    assert mended.code == 0, mended.stderr
    assert mended.stderr.splitlines()[-1] == "did image.present: pull it"
    assert first_engine.inspect_image(str(name)) is not None


def test_an_image_is_pushed_and_pulled_and_named_with_its_digest(
    cli: Cli, registries: Registries, tiny: Tiny, first_engine: Engine
) -> None:
    name = name_at(registries.open)
    made = tiny(str(name))
    pushed = cli("push-image", str(name))
    assert pushed.code == 0, pushed.stderr
    assert re.fullmatch(rf"{re.escape(str(name))}@sha256:[0-9a-f]{{64}}\n", pushed.stdout)
    assert pushed.stderr.startswith(f"Pushing {name}\n")
    first_engine.remove_image(str(name))

    pulled = cli("pull-image", str(name))
    assert (pulled.code, pulled.stdout) == (0, pushed.stdout)
    assert pulled.stderr.startswith(f"Pulling {name}\n")
    again = cli("pull-image", "--json", pushed.stdout.strip())
    found = first_engine.inspect_image(str(name))
    assert found is not None
    assert again.code == 0
    events = [json.loads(line) for line in again.stderr.splitlines()]
    assert events[0] == {
        "version": 1,
        "event": "said",
        "text": f"pulling {pushed.stdout.strip()}",
    }
    assert {event["event"] for event in events} == {"said", "pull"}
    assert json.loads(again.stdout) == {
        "version": 1,
        "image": pushed.stdout.strip(),
        "digest": pushed.stdout.strip().partition("@")[2],
        "id": made,
        "size": found["Size"],
    }


def test_the_registry_is_asked_what_it_has(
    registries: Registries, tiny: Tiny, first_engine: Engine
) -> None:
    name = name_at(registries.open)
    tiny(str(name))
    digest = first_engine.push(name)
    assert first_engine.published(name) == digest
    assert first_engine.published(name.with_tag("none")) is None
    with pytest.raises(PullError) as caught:
        first_engine.published(name_at(registries.basic))
    assert caught.value.trouble == "denied"


def test_what_is_not_there_cannot_be_moved(
    cli: Cli, registries: Registries, first_engine: Engine
) -> None:
    name = name_at(registries.open)
    assert cli("push-image", str(name)).refused(6) == (
        f"the image {name} is not on the engine",
        "build it under that name (`toolkit build-image --tag`), or correct the name",
    )
    with pytest.raises(PullError) as caught:
        first_engine.pull(name)
    assert str(caught.value).startswith(f"the image {name} does not exist: ")


# Log-ins.


def stored(address: str, password: str = PASSWORD) -> dict[str, Any]:
    """What `docker login` writes where there is no credential store."""
    login = base64.b64encode(f"{USER}:{password}".encode()).decode()
    return {"auths": {address: {"auth": login}}}


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A credential store that knows one log-in, by docker's own protocol; gives its name."""
    said = json.dumps({"ServerURL": "x", "Username": USER, "Secret": PASSWORD})
    path = tmp_path / "docker-credential-tktest"
    path.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{said}'\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return "tktest"


@pytest.mark.parametrize("kind", ["basic", "token"])
@pytest.mark.parametrize("password", [None, "wrong"])
def test_without_the_right_log_in_the_way_to_it_is_told(
    kind: str,
    password: str | None,
    registries: Registries,
    tiny: Tiny,
    engine_with: Configured,
) -> None:
    address = getattr(registries, kind)
    name = name_at(address)
    tiny(str(name))
    engine = engine_with({} if password is None else stored(address, password))
    with pytest.raises(PushError) as pushing:
        engine.push(name)
    assert str(pushing.value).startswith(f"the image {name} may not be pushed: ")
    assert pushing.value.hint == f"run `docker login {address}` with an account that may push there"
    with pytest.raises(PullError) as pulling:
        engine.pull(name)
    assert str(pulling.value).startswith(f"the image {name} does not exist or may not be pulled: ")
    assert pulling.value.hint == f"correct the name, or run `docker login {address}`"


@pytest.mark.parametrize("kind", ["basic", "token"])
@pytest.mark.parametrize("way", ["auths", "credsStore", "credHelpers"])
def test_the_log_in_is_dockers_own(
    kind: str,
    way: str,
    registries: Registries,
    tiny: Tiny,
    engine_with: Configured,
    helper: str,
) -> None:
    address = getattr(registries, kind)
    configuration = {
        "auths": stored(address),
        "credsStore": {"credsStore": helper, "auths": {address: {}}},
        "credHelpers": {"credHelpers": {address: helper}},
    }[way]
    moved(engine_with(configuration), name_at(address), tiny)


def test_an_identity_token_is_a_log_in(
    registries: Registries, tiny: Tiny, engine_with: Configured
) -> None:
    known = {"auths": {registries.token: {"identitytoken": IDENTITY}}}
    moved(engine_with(known), name_at(registries.token), tiny)


def moved(engine: Engine, name: ImageReference, tiny: Tiny) -> None:
    """There and back."""
    made = tiny(str(name))
    digest = engine.push(name)
    engine.remove_image(str(name))
    assert engine.pull(name) == digest
    found = engine.inspect_image(str(name))
    assert found is not None
    assert found["Id"] == made


def test_a_credential_store_that_is_missing_is_named(
    cli: Cli, registries: Registries, tmp_path: Path
) -> None:
    configuration = {"credHelpers": {registries.basic: "tk-not-there"}}
    (tmp_path / "config.json").write_text(json.dumps(configuration))
    name = str(name_at(registries.basic))
    answer = cli("pull-image", name, env={"DOCKER_CONFIG": str(tmp_path)})
    error, hint = answer.refused(6)
    assert error.startswith(f"docker's credentials for {registries.basic} cannot be read: ")
    assert "docker-credential-tk-not-there" in error
    assert hint == (
        "install the credential helper that docker's config.json names, or take it out there and"
        f" run `docker login {registries.basic}`"
    )
    assert "Warning" not in answer.stderr


# TLS.


def test_a_private_ca_is_asked_for_and_then_trusted(
    cli: Cli, registries: Registries, tiny: Tiny, first_engine: Engine
) -> None:
    name = name_at(registries.tls)
    folder = f"/etc/docker/certs.d/{registries.tls}"
    error, hint = cli("pull-image", str(name)).refused(6)
    assert error.startswith(
        f"the image {name} could not be pulled: its registry shows a certificate that the engine"
        " does not trust: "
    )
    assert hint == f"put the registry's CA certificate on the engine's machine, as {folder}/ca.crt"
    _as_root("install", "-D", "-m", "644", str(registries.ca), f"{folder}/ca.crt")
    try:
        moved(first_engine, name, tiny)
    finally:
        _as_root("rm", "-r", folder)


def _as_root(*command: str) -> None:
    prefix = ("sudo", "--non-interactive") if os.geteuid() else ()
    subprocess.run([*prefix, *command], check=True)


# Bad days.


Act = Callable[[Engine, ImageReference, list[PullEvent]], object]


def push(engine: Engine, name: ImageReference, events: list[PullEvent]) -> object:
    return engine.push(name, on_event=events.append, waits=(0.01, 0.02))


def pull(engine: Engine, name: ImageReference, events: list[PullEvent]) -> object:
    engine.remove_image(str(name))  # else it is enough to look whether it has changed
    return engine.pull(name, on_event=events.append, waits=(0.01, 0.02))


FAULTS: Final[list[tuple[str, Trouble, Act, Fault]]] = [
    ("429", "limited", pull, Fault("status", "GET .*manifests", status=429, body=LIMITED)),
    ("429 without words", "limited", pull, Fault("status", "GET .*manifests", status=429)),
    ("500", "broken", pull, Fault("status", "(GET|HEAD) .*manifests", status=500)),
    ("503", "broken", pull, Fault("status", "(GET|HEAD) .*manifests", status=503, body=b"<html>")),
    ("dropped", "broken", pull, Fault("drop", "HEAD .*manifests")),
    ("cut", "broken", pull, Fault("cut", "GET .*manifests")),
    ("429", "limited", push, Fault("status", "PUT .*manifests", status=429, body=LIMITED)),
    ("500", "broken", push, Fault("status", "PUT .*manifests", status=500)),
    ("dropped", "broken", push, Fault("drop", "PUT .*manifests")),
]
_NAMES: Final = [f"{act.__name__} {name}" for name, _, act, _ in FAULTS]


@pytest.fixture
def there(proxy: Proxy, tiny: Tiny, first_engine: Engine) -> ImageReference:
    """The name of an image that is on the engine and, through the proxy, in the registry."""
    name = name_at(proxy.address)
    tiny(str(name))
    first_engine.push(name)
    return name


@pytest.mark.parametrize(("act", "fault"), [each[2:] for each in FAULTS], ids=_NAMES)
def test_what_passes_is_tried_again_and_told(
    act: Act, fault: Fault, proxy: Proxy, there: ImageReference, first_engine: Engine
) -> None:
    events: list[PullEvent] = []
    proxy.breaks(replace(fault, attempts=2))
    assert str(act(first_engine, there, events)).startswith("sha256:")
    said = [event.status for event in events if isinstance(event, RetryEvent)]
    assert [text.rpartition("; ")[2] for text in said] == [
        "trying again in 0.01 s (1 of 2)",
        "trying again in 0.02 s (2 of 2)",
    ]
    assert proxy.attempts == 3


@pytest.mark.parametrize(("trouble", "act", "fault"), [each[1:] for each in FAULTS], ids=_NAMES)
def test_what_does_not_pass_is_given_up(
    trouble: Trouble,
    act: Act,
    fault: Fault,
    proxy: Proxy,
    there: ImageReference,
    first_engine: Engine,
) -> None:
    proxy.breaks(fault)
    with pytest.raises(RegistryError) as caught:
        act(first_engine, there, [])
    assert (caught.value.trouble, proxy.attempts) == (trouble, 3)


def test_the_command_line_tells_of_it(cli: Cli, proxy: Proxy, there: ImageReference) -> None:
    proxy.breaks(Fault("status", "(HEAD|GET) .*manifests", attempts=1, status=429, body=LIMITED))
    answer = cli("pull-image", str(there))
    assert answer.code == 0, answer.stderr
    assert (
        f"the image {there} could not be pulled: its registry limits the number of requests (429):"
        " toomanyrequests: slow down; trying again in 1 s (1 of 3)\n"
    ) in answer.stderr


def test_a_registry_that_says_nothing_is_not_waited_for(
    proxy: Proxy, there: ImageReference, first_engine: Engine
) -> None:
    proxy.breaks(Fault("hang", "manifests"))
    for act, verb in ((first_engine.pull, "pulled"), (first_engine.push, "pushed")):
        with pytest.raises(RegistryError) as caught:
            act(there, patience=0.5)
        assert str(caught.value) == (
            f"the image {there} could not be {verb}: its registry has said nothing for 0.5 s"
        )
        assert caught.value.unreachable


def test_what_is_not_what_it_should_be_is_refused(
    proxy: Proxy, there: ImageReference, first_engine: Engine
) -> None:
    """A layer, whose digest the manifest tells; asking again would be of no use."""
    first_engine.remove_image(str(there))
    proxy.breaks(Fault("spoil", "GET .*blobs"))
    with pytest.raises(PullError) as caught:
        first_engine.pull(there)
    assert caught.value.trouble == "corrupt"
    assert str(caught.value).startswith(
        f"the image {there} could not be pulled: its registry sent something else than it said: "
    )
    assert proxy.attempts == 1
    assert first_engine.inspect_image(str(there)) is None
