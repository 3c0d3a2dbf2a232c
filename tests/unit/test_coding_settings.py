"""What a Docker executor is told, checked, and the container that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from toolkit.builder.secrets import BUNDLES
from toolkit.coding.certificates import VARIABLES
from toolkit.coding.execution import Manners
from toolkit.coding.settings import (
    ExecutorOptions,
    Place,
    Settings,
    container_options,
    limits,
    settled,
)
from toolkit.container import WORKSPACE, ContainerOptions, Mount
from toolkit.errors import SpecError
from toolkit.profile import STRICT, Limits

WORK = Mount("/host/work", WORKSPACE, proof=Path("/host/work"))
PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
NOBODY: Mapping[str, str] = {}


def options(world: Mapping[str, str] = NOBODY, **given: Any) -> ContainerOptions:  # noqa: ANN401 - what callers pass
    place = Place(image="i", name=None, work=WORK, auto_remove=True, stop_container=True)
    return container_options(settled({**given}), place, world)  # type: ignore[typeddict-item]


def test_the_typed_keywords_and_the_values_are_the_same() -> None:
    assert {field.name for field in fields(Settings)} == set(ExecutorOptions.__annotations__)


def test_an_unknown_keyword_is_a_type_error_with_its_name() -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'nonsense'$"):
        options(nonsense=1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"isolation": "vm"}, "isolation 'vm' does not exist"),
        ({"preload": ("json",), "isolation": "spawn"}, "preload needs an interpreter"),
        ({"preload": "json"}, "preload 'json' is no list of modules"),
        ({"output_limit": 0}, "output_limit 0 is no size"),
        ({"profile": "loose"}, "profile 'loose' does not exist"),
        ({"memory": "lots"}, "memory 'lots' is no size"),
        ({"gpus": "some"}, "gpus 'some' names no devices"),
        ({"extra_volumes": {"x/y": {"bind": "/x"}}}, "volume source 'x/y' is no absolute path"),
        ({"extra_volumes": {"/x": {"bind": "/workspace/"}}}, "extra volume '/x' is bound to"),
        ({"container_create_kwargs": {"command": "x"}}, "container_create_kwargs cannot set"),
        ({"ca_bundle": "/nowhere"}, "CA bundle /nowhere cannot be read"),
    ],
)
def test_what_cannot_be_is_a_value_error_with_a_hint(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}") as caught:
        options(**given)
    assert getattr(caught.value, "hint", None)


def test_sizes_are_in_the_units_of_docker_run() -> None:
    for text, size in (("512m", 512 << 20), ("2g", 2 << 30), ("1.5k", 1536), (7, 7)):
        assert options(memory=text).limits.memory == size


def test_an_extra_volume_stands_beside_the_work_dir() -> None:
    made = options(extra_volumes={"/etc/hosts": {"bind": "/hosts", "mode": "ro"}})
    assert made.mounts == (WORK, Mount("/etc/hosts", "/hosts", read_only=True))


def test_python_blocks_are_forked_unless_they_are_not_to_be() -> None:
    assert (options(preload=("json",)).warm, options(preload=["json"]).preload) == (True, ("json",))
    assert options(isolation="spawn").warm is False


def test_manners_are_laid_over_and_never_taken_away() -> None:
    adapters = Manners(bare_names=False, delete_automatic=True)
    assert settled({"manners": adapters}).manners == adapters
    made = settled({"list_files": False, "delete_tmp_files": True}).manners
    assert (made.list_files, made.delete_automatic) == (False, True)


def test_a_build_and_a_block_look_for_the_bundle_in_the_same_variables() -> None:
    assert VARIABLES == BUNDLES


def test_the_bundle_that_the_environment_names_reaches_the_blocks(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(PEM)
    made = options({"SSL_CERT_FILE": "/gone", "PIP_CERT": str(bundle), "PIP_INDEX_URL": "secret"})
    assert [file.read() for file in made.files] == [PEM.encode()]
    path = f"/{made.files[0].path}"
    assert made.environment == dict.fromkeys(VARIABLES, path)


def test_the_callers_own_environment_wins_over_the_bundles(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    made = options(ca_bundle=tmp_path / "ca.pem", environment={"PIP_CERT": "/mine"})
    assert made.environment["PIP_CERT"] == "/mine"


@pytest.mark.parametrize("given", [{"ca_bundle": False}, {"profile": "strict"}])
def test_there_is_no_bundle_where_it_is_switched_off(tmp_path: Path, given: Any) -> None:  # noqa: ANN401 - two kinds
    (tmp_path / "ca.pem").write_text(PEM)
    made = options({"SSL_CERT_FILE": str(tmp_path / "ca.pem")}, **given)
    assert (made.files, made.environment) == ((), {})


def test_a_bundle_that_is_given_is_not_dropped_where_it_has_no_place(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    with pytest.raises(
        ValueError, match=r"(?m)^CA bundle .*ca\.pem has no place in profile 'strict'$"
    ) as told:
        options(ca_bundle=tmp_path / "ca.pem", profile="strict")
    assert isinstance(told.value, SpecError)
    assert told.value.hint == "leave ca_bundle out, or choose the profile 'standard'"


def test_a_bundle_of_the_environment_that_is_none_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It was not asked for; one that was is an error."""
    (tmp_path / "der").write_bytes(b"\x30\x82")
    made = options({"SSL_CERT_FILE": str(tmp_path / "der")})
    assert made.files == ()
    assert "holds no PEM certificate" in caplog.text
    with pytest.raises(ValueError, match="holds no PEM certificate"):
        options(ca_bundle=str(tmp_path / "der"))


def test_proxies_of_dockers_configuration_reach_the_blocks_as_from_every_client(
    tmp_path: Path,
) -> None:
    """In docker's two spellings; the caller's own environment wins, and strict has no network."""
    (tmp_path / "config.json").write_text(
        '{"proxies": {"default": {"httpsProxy": "http://p:1", "noProxy": "a,b"}}}'
    )
    world = {"DOCKER_CONFIG": str(tmp_path)}
    given = options(world, environment={"NO_PROXY": "c"}).environment
    assert given == {
        "HTTPS_PROXY": "http://p:1",
        "https_proxy": "http://p:1",
        "NO_PROXY": "c",
        "no_proxy": "a,b",
    }
    assert options(world, profile="strict").environment == {}
    off = {"container_create_kwargs": {"use_config_proxy": False}}
    assert options(world, **off).environment == {}


@pytest.mark.parametrize("text", ["", "[]", '{"proxies": 1}', '{"proxies": {"default": []}}'])
def test_a_configuration_that_cannot_be_read_names_no_proxies(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert options({"DOCKER_CONFIG": str(tmp_path)}).environment == {}


def test_limits_are_the_callers_or_the_profiles() -> None:
    assert limits({"profile": "strict"}) == Limits(memory=STRICT.memory, cpus=STRICT.cpus)
    assert limits({"profile": STRICT, "memory": "1g", "cpus": 2}) == Limits(memory=1 << 30, cpus=2)
    assert limits({}) == Limits()


def test_a_transfer_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"(?m)^transfer 'move' does not exist$") as caught:
        options(transfer="move")
    assert isinstance(caught.value, SpecError)
    assert caught.value.hint == 'choose "auto", "bind" or "copy"'
