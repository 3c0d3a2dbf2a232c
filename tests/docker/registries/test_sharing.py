"""`--registry`: what one machine has built, the others pull.

Another machine is this one after the image was removed.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.docker.conftest import RUN, Answer, Cli, images_of
from tests.docker.packages import write_wheel
from tests.docker.registries.conftest import Configured, Registries, Tiny, names_of
from tests.docker.registries.proxy import Fault, Proxy
from tests.docker.registries.seeding import move, seed
from tests.docker.registries.test_moving import stored
from toolkit import DockerCommandLineCodeExecutor, builder, deps, labels, resources
from toolkit.builder import BuildOptions, Event, Plan, Said, sharing
from toolkit.engine import Engine
from toolkit.errors import PullError, PushError
from toolkit.image import Image
from toolkit.reference import ImageReference
from toolkit.spec import ImageSpec

pytestmark = pytest.mark.docker

DOWN: Final = "127.0.0.1:1"
BASE: Final = f"t-{RUN}/base"


@pytest.fixture(scope="module")
def base(registries: Registries, first_engine: Engine, base_image: str) -> Iterator[str]:
    """The base in the registries, which have its layer when images on it are pushed."""
    seed(first_engine, base_image, registries.open, BASE)
    # An image that the engine has is not pulled, and the way to its layers not learned.
    move(registries.open, BASE, f"toolkit-test-{RUN}")
    yield f"{registries.open}/{BASE}:1"
    for name in names_of(first_engine, f"{registries.open}/{BASE}"):
        first_engine.remove_image(name)


@pytest.fixture
def machine(
    cli: Cli, name: str, base: str, first_engine: Engine, environment: Mapping[str, str]
) -> Machine:
    write_wheel(cli.folder, "tk_shared")  # the same in every run: BuildKit has it
    cli.write("./tk_shared-1.0-py3-none-any.whl")
    return Machine(cli, name, base, first_engine, resources.cache(environment))


@dataclass(slots=True)
class Machine:
    """Builds always the same image, under the name of the test; `said` is what was told last."""

    cli: Cli
    name: str
    base: str
    engine: Engine
    cache: Path
    said: list[str] = field(default_factory=list)

    def asks(self, *options: str) -> Answer:
        """Run build-image, whatever it comes to."""
        wanted = ("--deps", "requirements.txt", "--name", self.name, "--base", self.base)
        return self.cli("build-image", *wanted, *options)

    def plan(self, options: BuildOptions, *, base: str | None = None) -> Plan:
        """What is going to be built, found in this process."""
        dependencies = deps.read([self.cli.folder / "requirements.txt"], env={})
        table: Mapping[str, object] = {"name": self.name, "base": base or self.base}
        spec = ImageSpec.from_mapping(table, dependencies)
        return builder.plan(spec, engine=self.engine, options=options)

    def builds(self, registry: str, *, push: bool = False, verify: bool = False) -> Image:
        """Build in this process."""
        options = BuildOptions(self.cache, registry=registry, push=push, verify=verify)
        self.said.clear()
        return builder.build(
            self.plan(options),
            engine=self.engine,
            environment={},
            options=options,
            listener=self._listen,
        )

    def becomes_another(self) -> None:
        """Lose the image."""
        for image in images_of(self.engine, self.name):
            self.engine.remove_image(image, force=True)

    def _listen(self, event: Event) -> None:
        if isinstance(event, Said):
            self.said.append(event.text)


def cache_at(address: str) -> str:
    return f"{address}/t-{RUN}/cache"


# Who builds, who pulls, who pushes.


def test_two_machines_build_once(machine: Machine, registries: Registries) -> None:
    registry = cache_at(registries.open)
    built = machine.asks("--registry", registry, "--push", "--json")
    assert built.code == 0, built.stderr
    first = json.loads(built.stdout)
    shared = f"{registry}/{machine.name}:{first['digest'][:12]}"
    assert first["action"] == "built"
    assert first["image"] == f"toolkit/{machine.name}:{first['digest'][:12]}"
    assert first["shared"].startswith(f"{shared}@sha256:")
    assert {f"{shared} is not in the registry yet", f"pushing {shared}"} <= told(built)

    machine.becomes_another()
    pulled = machine.asks("--registry", registry, "--push", "--json")
    assert pulled.code == 0, pulled.stderr
    second = json.loads(pulled.stdout)
    assert second.pop("action") == "pulled"
    assert second == {key: text for key, text in first.items() if key != "action"}
    assert told(pulled) == {f"looking for {shared}", f"pulled {first['image']}: nothing to build"}
    assert '"event": "step' not in pulled.stderr
    # It has its local name and no other, so that whoever removes that one has the space again.
    assert names_of(machine.engine, registry) == []


def told(answer: Answer) -> set[str]:
    """The sentences of a build whose events are documents."""
    events = map(json.loads, answer.stderr.splitlines())
    return {event["text"] for event in events if event["event"] == "said"}


def test_what_is_here_is_pushed_if_it_is_missing_there(
    machine: Machine, registries: Registries
) -> None:
    registry = cache_at(registries.open)
    built = machine.builds(registry)
    assert (built.action, built.shared) == ("built", None)
    pushed = machine.builds(registry, push=True)
    assert pushed.action == "reused"
    assert pushed.shared is not None
    assert machine.said == [f"pushing {pushed.shared.with_digest(None)}"]
    again = machine.builds(registry, push=True)
    assert again == pushed
    assert machine.said == [f"{pushed.shared.with_digest(None)} is in the registry already"]


def test_two_at_once_build_and_push_one_image(machine: Machine, registries: Registries) -> None:
    registry = cache_at(registries.open)
    options = ("--name", machine.name, "--base", machine.base, "--registry", registry, "--push")
    command = ("build-image", "--deps", "requirements.txt", *options, "--json")
    answers = [machine.cli.ended(each) for each in [machine.cli.start(*command) for _ in range(2)]]
    assert [answer.code for answer in answers] == [0, 0], answers
    said = [json.loads(answer.stdout) for answer in answers]
    assert sorted(each["action"] for each in said) == ["built", "reused"]
    assert said[0]["shared"] == said[1]["shared"]


def test_run_and_from_deps_look_there_too(
    machine: Machine,
    registries: Registries,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By the variable; their images have the default name."""
    registry, engine = cache_at(registries.open), machine.engine
    built = machine.builds(registry, verify=True)
    there = ImageReference.parse(f"{registry}/env:{built.digest[:12]}")
    here = f"toolkit/env:{built.digest[:12]}"
    sharing.push(engine, built.id, there, lambda _: None)
    machine.becomes_another()
    try:
        program = ("-c", "import tk_shared; print('well')")
        wanted = ("run", "--deps", "requirements.txt", "--base", machine.base)
        ran = machine.cli(*wanted, *program, env={"TOOLKIT_REGISTRY": registry})
        assert (ran.code, ran.stdout) == (0, "well\n"), ran.stderr
        assert ran.stderr.startswith(f"Looking for {there}\n")
        assert "Building" not in ran.stderr
        engine.remove_image(here)

        monkeypatch.setenv("TOOLKIT_REGISTRY", registry)
        monkeypatch.chdir(machine.cli.folder)
        caplog.set_level(logging.INFO)
        with DockerCommandLineCodeExecutor.from_deps("requirements.txt", base=machine.base):
            assert f"image {here} is pulled" in caplog.messages
    finally:
        engine.remove_image(here)


# What is not taken.


def test_what_nobody_has_verified_is_not_taken_by_who_asks_for_proof(
    machine: Machine, registries: Registries
) -> None:
    registry = cache_at(registries.open)
    unproven = machine.builds(registry, push=True)
    assert unproven.action == "built"
    machine.becomes_another()
    assert machine.builds(registry).action == "pulled"
    machine.becomes_another()
    proven = machine.builds(registry, push=True, verify=True)
    assert proven.action == "built"
    assert unproven.shared is not None
    shared = unproven.shared.with_digest(None)
    assert f"building all the same: {shared} was not verified as is asked for" in machine.said
    machine.becomes_another()
    assert machine.builds(registry, verify=True).shared == proven.shared


def test_a_registry_that_lies_is_refused_and_nothing_is_left_of_it(
    machine: Machine, registries: Registries, tiny: Tiny
) -> None:
    registry = cache_at(registries.open)
    planned = machine.plan(BuildOptions(machine.cache))
    digest, shared = planned.rendered.digest, planned.shared(registry)
    lies: dict[str, dict[str, str]] = {
        "it carries no digest of ours": {},
        f"it has the digest {digest[:12]}0000…": {labels.DIGEST: digest[:12] + "0" * 52},
        f"it is not built on {planned.base.reference}": {labels.DIGEST: digest},
    }
    for words, labelled in lies.items():
        made = tiny(str(shared), **labelled)
        machine.engine.push(shared)
        machine.engine.remove_image(str(shared))
        with pytest.raises(PullError) as caught:
            machine.builds(registry)
        said = f"the registry's image {shared} is not what its name says: {words}"
        assert str(caught.value) == said
        assert machine.engine.inspect_image(made) is None
    assert images_of(machine.engine, machine.name) == []


# Bad days.


def test_a_registry_that_is_down_stops_no_build_but_a_push(machine: Machine) -> None:
    built = machine.builds(cache_at(DOWN))
    shared = f"{cache_at(DOWN)}/{machine.name}:{built.digest[:12]}"
    assert built.action == "built"
    assert machine.said[1].startswith(
        f"building without the registry: the image {shared} could not be pulled: its registry"
        " cannot be reached: "
    )
    machine.becomes_another()
    error, hint = machine.asks("--registry", cache_at(DOWN), "--push", "--no-verify").refused(6)
    assert error.startswith(
        f"toolkit/{machine.name}:{built.digest[:12]} was built, but the image {shared} could not be"
        " pushed: its registry cannot be reached: "
    )
    assert hint == "check the engine's network, proxy and certificates"
    with pytest.raises(PushError, match=" was reused, but the image "):
        machine.builds(cache_at(DOWN), push=True)


def test_a_registry_that_wants_a_log_in_stops_no_build(
    machine: Machine, registries: Registries
) -> None:
    assert machine.builds(cache_at(registries.basic)).action == "built"
    assert machine.said[1].startswith("building without the registry: the image ")
    assert machine.said[1].endswith(
        f" (correct the name, or run `docker login {registries.basic}`)"
    )


def test_a_registry_that_says_nothing_is_done_without(proxy: Proxy, first_engine: Engine) -> None:
    proxy.breaks(Fault("hang", "manifests"))
    shared = ImageReference.parse(f"{cache_at(proxy.address)}/env:1")
    said: list[object] = []
    with sharing.pulled(first_engine, shared, said.append, patience=0.5) as found:
        assert found is None
    assert said[-1] == Said(
        f"building without the registry: the image {shared} could not be pulled: its registry has"
        " said nothing for 0.5 s (try again later, or look into the registry's log)"
    )


def test_what_is_not_what_the_registry_said_stops_a_build(
    machine: Machine, registries: Registries, proxy: Proxy
) -> None:
    """A layer that is not the one of its digest: who would build now would never hear of it."""
    machine.builds(cache_at(registries.open), push=True)
    machine.becomes_another()
    proxy.breaks(Fault("spoil", "GET .*blobs"))
    with pytest.raises(PullError, match="its registry sent something else than it said: "):
        machine.builds(cache_at(proxy.address))
    assert images_of(machine.engine, machine.name) == []


# The base.


def test_a_base_is_its_digest_until_it_is_asked_for_again(
    machine: Machine, registries: Registries
) -> None:
    """And with the base the image is another one."""
    before = machine.plan(BuildOptions(machine.cache))
    assert before.base.reference.digest is not None
    assert f"@{before.base.reference.digest}" in before.rendered.dockerfile
    moved = move(registries.open, BASE, "toolkit-test-moved")
    unasked = machine.plan(BuildOptions(machine.cache))
    assert unasked.rendered.digest == before.rendered.digest
    after = machine.plan(BuildOptions(machine.cache, pull=True))
    assert after.base.reference == before.base.reference.with_digest(moved)
    assert after.rendered.digest != before.rendered.digest


def test_a_base_behind_a_log_in_is_pulled_with_it(
    machine: Machine, registries: Registries, engine_with: Configured
) -> None:
    base = f"{registries.basic}/{BASE}:1"
    options = BuildOptions(machine.cache)
    machine.engine = engine_with({})
    with pytest.raises(PullError) as caught:
        machine.plan(options, base=base)
    assert caught.value.hint == f"correct the name, or run `docker login {registries.basic}`"
    machine.engine = engine_with(stored(registries.basic))
    try:
        planned = machine.plan(options, base=base)
        assert planned.base.reference.name == f"{registries.basic}/{BASE}"
        assert planned.base.reference.digest is not None
    finally:
        machine.engine.remove_image(base)
