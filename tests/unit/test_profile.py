"""What each profile says to the engine."""

from __future__ import annotations

import pytest

from toolkit.errors import SpecError
from toolkit.profile import COMPAT, STANDARD, STRICT, Limits, host_config, named


def test_standard_drops_what_the_worker_does_not_need_and_leaves_the_network() -> None:
    assert host_config(STANDARD, root=False) == {
        "CapDrop": ["ALL"],
        "CapAdd": ["KILL", "SETGID", "SETUID"],
        "SecurityOpt": ["no-new-privileges"],
        "PidsLimit": 1024,
    }


def test_code_that_is_root_may_write_any_file_of_the_container() -> None:
    config = host_config(STANDARD, root=True)
    assert config["CapAdd"] == ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"]


def test_strict_gives_root_nothing_but_what_the_worker_needs() -> None:
    assert host_config(STRICT, root=True)["CapAdd"] == ["KILL", "SETGID", "SETUID"]


def test_a_limit_of_zero_undoes_the_profiles() -> None:
    assert host_config(STRICT, limits=Limits(memory=0), root=False)["Memory"] == 0


def test_strict_has_no_network_a_read_only_root_and_limits_without_swap() -> None:
    config = host_config(STRICT, root=False)
    assert config["NetworkMode"] == "none"
    assert config["ReadonlyRootfs"] is True
    assert list(config["Tmpfs"]) == ["/tmp"]
    assert config["Memory"] == config["MemorySwap"] == 2 << 30
    assert config["NanoCpus"] == 1_000_000_000
    assert config["PidsLimit"] == 256


def test_compat_is_as_open_as_the_engine_makes_it() -> None:
    assert host_config(COMPAT, root=True) == {}


def test_the_callers_wishes_win_over_the_profile() -> None:
    limits = Limits(network="bridge", memory=1 << 20, cpus=0.5, pids=7)
    config = host_config(STRICT, limits=limits, root=False)
    assert config["NetworkMode"] == "bridge"
    assert config["Memory"] == config["MemorySwap"] == 1 << 20
    assert config["NanoCpus"] == 500_000_000
    assert config["PidsLimit"] == 7


def test_profiles_are_found_by_name() -> None:
    assert [named(name) for name in ("standard", "strict", "compat")] == [STANDARD, STRICT, COMPAT]


def test_a_profile_that_is_none_is_refused_with_the_choice() -> None:
    with pytest.raises(SpecError) as caught:
        named("loose")
    assert str(caught.value) == "profile 'loose' does not exist"
    assert caught.value.hint == "choose one of standard, strict, compat"
