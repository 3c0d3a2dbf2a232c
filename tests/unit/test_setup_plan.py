"""What is done so that an engine answers, as a function of what was found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from toolkit.setup.plan import (
    SERVICE_LOG,
    Act,
    AsRoot,
    Await,
    Facts,
    Install,
    Refuse,
    Start,
    UseIt,
    plan,
)

BARE = Facts(
    answer="silent",
    local=True,
    installed=False,
    daemon=None,
    systemd=False,
    init_script=False,
    cgroups=True,
    leftovers=(),
    log="/var/log/dockerd.log",
)
STOPPED = replace(BARE, installed=True)
DIRECT = Start("direct", "/var/log/dockerd.log")


@pytest.mark.parametrize(
    ("facts", "acts"),
    [
        pytest.param(replace(BARE, answer="answers"), (UseIt(),), id="answers"),
        pytest.param(
            replace(BARE, answer="answers", local=False), (UseIt(),), id="answers elsewhere"
        ),
        pytest.param(replace(STOPPED, answer="denied"), (Refuse("denied"),), id="denied"),
        pytest.param(replace(STOPPED, local=False), (Refuse("elsewhere"),), id="elsewhere"),
        pytest.param(replace(BARE, local=False), (Refuse("elsewhere"),), id="elsewhere, bare"),
        pytest.param(BARE, (Install(),), id="bare"),
        pytest.param(replace(STOPPED, daemon=42), (Await(42),), id="starting already"),
        pytest.param(replace(BARE, daemon=42), (Await(42),), id="starting, program elsewhere"),
        pytest.param(
            replace(STOPPED, systemd=True, init_script=True),
            (Start("systemd", None),),
            id="systemd before the init script",
        ),
        pytest.param(
            replace(STOPPED, init_script=True),
            (Start("service", SERVICE_LOG, otherwise=(DIRECT,)),),
            id="init script",
        ),
        pytest.param(STOPPED, (DIRECT,), id="direct"),
    ],
)
def test_the_acts_follow_from_the_facts(facts: Facts, acts: tuple[Act, ...]) -> None:
    assert plan(facts) == acts


def test_files_of_dead_daemons_are_removed_before_a_start() -> None:
    first, last = plan(replace(STOPPED, leftovers=("/var/run/docker.pid",)))
    assert isinstance(first, AsRoot)
    assert first.command == ("rm", "-f", "--", "/var/run/docker.pid")
    assert last == DIRECT


def test_control_groups_are_mounted_only_for_a_daemon_that_we_start_ourselves() -> None:
    mount, start = plan(replace(STOPPED, cgroups=False))
    assert isinstance(mount, AsRoot)
    assert mount.command[0] == "mount"
    assert start == DIRECT
    assert plan(replace(STOPPED, cgroups=False, systemd=True)) == (Start("systemd", None),)


def test_the_direct_way_behind_a_broken_service_mounts_them_too() -> None:
    (start,) = plan(replace(STOPPED, cgroups=False, init_script=True))
    assert isinstance(start, Start)
    assert [type(act) for act in start.otherwise] == [AsRoot, Start]


def test_nothing_is_removed_while_a_daemon_runs() -> None:
    """Its files are no leftovers, whatever they look like."""
    assert plan(replace(STOPPED, daemon=7, leftovers=("/x",))) == (Await(7),)
