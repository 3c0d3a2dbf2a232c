"""Each check's judgement, as a table: what was seen → what is said. Both outcomes of every id.

The tables are tests/cases/doctor/*.toml; a case gives what differs from the usual facts below.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.doctor import doctor
from toolkit.doctor import (
    CHECKS,
    client,
    dood,
    endpoint,
    engine,
    features,
    gc,
    image,
    net,
    tried,
    workdir,
)
from toolkit.doctor.check import Check, Finding
from toolkit.doctor.facts import (
    Belongings,
    Build,
    Chosen,
    Client,
    Clock,
    Detour,
    Disk,
    DockerConfig,
    Environment,
    Files,
    Graphics,
    ImageSeen,
    Kind,
    Latency,
    Orphans,
    Others,
    Permission,
    Reach,
    Runtimes,
    Socket,
    Stale,
    Users,
    Versions,
    WorkDir,
)
from toolkit.doctor.scenes import (
    Attempt,
    Bound,
    Bounds,
    Bridge,
    Built,
    Forwarding,
    Identity,
    Inside,
    Launches,
    Mounted,
    Pool,
    Proxies,
    Registry,
    Relabel,
    Sharing,
    Sibling,
    SocketMount,
    Tether,
)

TABLES = Path(__file__).parent.parent / "cases" / "doctor"
UNIX = "unix:///var/run/docker.sock"
SOCKET = Socket("socket", "/var/run/docker.sock", "root", "docker", 106, 0o660)
DENIED = Permission(SOCKET, writable=False, user="ann", uid=1000, groups=(1000,))
VERSIONS = Versions("27.0", "1.46", "1.24", "linux", "amd64", "docker", here="amd64")
WORK = WorkDir(
    Path("/data/work"),
    given=True,
    kind="directory",
    writable=True,
    free=1 << 30,
    noexec=False,
    file_system="ext4",
)
SIBLING = Sibling(
    image="toolkit/a:1",
    python="3.12.1",
    programs={name: f"/bin/{name}" for name in ("sh", "cat", "timeout", "python")},
    nameservers=("10.0.0.2",),
    index="https://pypi.org",
    work_dir="work",
    read=True,
    wrote=True,
    owner=(1000, 1000),
    mine=(1000, 1000),
    status={"Seccomp": "2", "NoNewPrivs": "1", "CapEff": "0000000000000000"},
)

# id → its judgement, and the usual facts (None: the case gives the engine's `info` itself)
JUDGES: dict[str, tuple[Callable[[Any], Finding], Any]] = {
    "client.python": (client.python, Client((3, 12, 1), None)),
    "client.config": (
        client.config,
        DockerConfig(Path("/h/.docker/config.json"), present=True),
    ),
    "client.env": (client.environment, Environment({})),
    "endpoint.resolve": (endpoint.resolve, Chosen("", "")),
    "endpoint.socket": (endpoint.socket, Socket("missing")),
    "endpoint.permission": (endpoint.permission, DENIED),
    "endpoint.reach": (endpoint.reach, Reach(UNIX)),
    "endpoint.kind": (
        endpoint.kind,
        Kind(UNIX, secure=False, operating_system="Debian GNU/Linux 12"),
    ),
    "engine.version": (engine.version, VERSIONS),
    "engine.os": (engine.system, VERSIONS),
    "engine.build": (engine.build, Build("docker")),
    "engine.storage": (engine.storage, None),
    "engine.disk": (engine.disk, Disk("/d", local=True)),
    "engine.cgroup": (engine.cgroup, None),
    "engine.warnings": (engine.warnings, None),
    "engine.security": (engine.security, None),
    "endpoint.proxy": (endpoint.proxy, Detour("")),
    "endpoint.others": (endpoint.others, Others(UNIX)),
    "engine.rootless": (features.rootless, Users(rootless=False, remapped=False, user="ann")),
    "engine.runtimes": (features.runtimes, Runtimes(("runc",), "runc")),
    "engine.gpu": (features.gpu, Graphics()),
    "engine.init": (features.init, None),
    "engine.liverestore": (features.live_restore, None),
    "engine.clock": (features.clock, Clock(0.0)),
    "engine.latency": (features.latency, Latency(UNIX, 1)),
    "dood.in_container": (dood.in_container, Inside(sure=False)),
    "dood.identity": (dood.identity, Identity(UNIX)),
    "dood.socket": (dood.socket, SocketMount("socket", "/var/run/docker.sock", "/run/docker.sock")),
    "dood.workdir": (dood.work_dir, Mounted("/app/out", "/app/out", "/app", "ext4")),
    "dood.bind": (dood.bind, Bound("/app/out")),
    "dood.sharing": (dood.sharing, Sharing(Kind(UNIX, secure=False), "/data/work", "/home/ann")),
    "dood.selinux": (dood.selinux, Relabel(confined=True, path="/data/work")),
    "dood.roundtrip": (dood.round_trip, SIBLING),
    "dood.ownership": (dood.ownership, SIBLING),
    "image.contents": (image.contents, SIBLING),
    "image.stale": (image.stale, Stale("toolkit/a:1", ours=True, base="python:3-slim")),
    "image.orphans": (image.orphans, Orphans()),
    "net.dns": (net.dns, SIBLING),
    "net.index": (net.index, SIBLING),
    "gc.tether": (gc.tether, Tether(seconds=0.12)),
    "net.registry": (net.registry, Registry("python:3-slim", "docker.io")),
    "net.proxy": (net.proxies, Proxies(config="/h/.docker/config.json")),
    "net.bridge": (net.bridge, Bridge()),
    "gc.containers": (gc.containers, Belongings()),
    "gc.volumes": (gc.volumes, Belongings()),
    "gc.files": (gc.files, Files("work")),
    "workdir.local": (workdir.local, WORK),
    "image.present": (image.present, ImageSeen(None, engine="linux/amd64")),
}

# The same of the halves that are made with --deep only
DEEPER: dict[str, tuple[Callable[[Any], Finding], Any]] = {
    "engine.build": (tried.build, Built(secret=True)),
    "engine.disk": (engine.disk, Disk("/d", local=True, free=4 << 30, total=10 << 30)),
    "engine.cgroup": (
        tried.limits,
        Bounds(held={"CPU time": True, "processes": True, "memory": True}),
    ),
    "engine.security": (tried.confinement, SIBLING),
    "engine.runtimes": (tried.runtimes, Launches()),
    "engine.init": (tried.init, Launches()),
    "engine.gpu": (tried.gpu, Launches()),
    "dood.selinux": (dood.denied, Relabel(confined=True, path="/data/work")),
    "net.bridge": (net.forwarded, Forwarding(index="https://pypi.org")),
    "net.index": (net.index_of_builds, Built(secret=True, index="https://pypi.org")),
}


@dataclass(frozen=True)
class Case:
    id: str
    problem: str
    summary: str
    seen: dict[str, Any]
    command: str | None = None
    """The first command of the fix, where the case is about that."""
    fix: str | None = None
    """Its text, the same."""
    deep: bool = False

    @property
    def finding(self) -> Finding:
        judge, usual = (DEEPER if self.deep else JUDGES)[self.id]
        return judge(self.seen if usual is None else changed(usual, self.seen))


def changed(usual: Any, differences: dict[str, Any]) -> Any:  # noqa: ANN401 - facts of any kind
    """Give the usual facts with these differences, each in the type of its field."""
    fields: dict[str, Any] = {}
    for name, value in differences.items():
        before = getattr(usual, name)
        if name == "pools":
            fields[name] = tuple(Pool(**each) for each in value)
        elif name == "attempts":
            fields[name] = tuple(Attempt(**each) for each in value)
        elif is_dataclass(before):
            fields[name] = changed(before, value)
        elif isinstance(before, Path | tuple):
            fields[name] = type(before)(value)
        else:
            fields[name] = value
    return replace(usual, **fields)


CASES = [
    Case(**case)
    for table in sorted(TABLES.glob("*.toml"))
    for case in tomllib.loads(table.read_text(encoding="utf-8"))["case"]
]


def _name(case: Case) -> str:
    return f"{case.id}{' deep' if case.deep else ''}: {case.summary}"


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_what_was_seen_gives_the_finding(case: Case) -> None:
    finding = case.finding
    assert (finding.problem or "none", finding.summary) == (case.problem, case.summary)
    if case.command is not None:
        assert finding.fix is not None
        assert finding.fix.commands[0] == case.command
    if case.fix is not None:
        assert finding.fix is not None
        assert finding.fix.text == case.fix


@pytest.mark.parametrize("case", [case for case in CASES if case.problem != "none"], ids=_name)
def test_a_problem_says_why_and_what_to_do(case: Case) -> None:
    finding = case.finding
    assert finding.why
    assert finding.fix is not None
    assert finding.fix.text


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_is_here_with_both_outcomes(check: Check) -> None:
    outcomes = {case.problem == "none" for case in CASES if case.id == check.id and not case.deep}
    # Being in a container is no problem by itself.
    assert outcomes == ({True} if check.id == "dood.in_container" else {True, False})


def test_every_deeper_half_is_here_with_both_outcomes() -> None:
    deep = {check.id for check in CHECKS if check.deeper is not None}
    for fine in (True, False):
        assert {case.id for case in CASES if case.deep and fine == (case.problem == "none")} == deep


def test_every_remedy_is_valid_shell() -> None:
    """They are printed to be pasted, all of them in one block."""
    fixes = [case.finding.fix for case in CASES]
    commands = [command for fix in fixes if fix for command in fix.commands]
    assert len(commands) > 30
    script = "\n".join(commands)
    checked = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_why_of_a_denied_socket_names_all_that_decides() -> None:
    assert endpoint.permission(DENIED).why == (
        "You may not talk to the engine at unix:///var/run/docker.sock (owner root, group docker "
        "106, mode 0660; you are uid 1000, groups 1000)."
    )


def test_why_of_a_missing_context_names_the_silent_default() -> None:
    seen = Chosen("", "", "the Docker context `colima`, named by DOCKER_CONTEXT, does not exist")
    assert endpoint.resolve(seen).why == (
        "the Docker context `colima`, named by DOCKER_CONTEXT, does not exist. docker-py would "
        "silently use /var/run/docker.sock instead."
    )


def test_why_of_a_work_dir_on_the_containers_own_disk_says_what_would_happen() -> None:
    assert dood.work_dir(Mounted("/app/out", "/app/out", "/", "overlay")).why == (
        "work_dir /app/out lives on this container's own disk (overlay). The engine runs on the "
        "host and cannot see it, so an executor copies it, unless it is told to share it."
    )


def test_why_of_another_engine_than_the_containers_own_names_what_can_be_shared() -> None:
    assert dood.identity(Identity("tcp://docker:2375")).why == (
        "This process is in a container, but the engine at tcp://docker:2375 does not run that "
        "container (docker-in-docker, Kubernetes, another engine). Only paths both see at the same "
        "place can be shared."
    )


def test_another_engine_that_answers_is_named() -> None:
    seen = Reach("unix:///a", error="nothing listens", others=("/b", "/c"))
    assert endpoint.reach(seen).why == (
        "nothing listens. We look at unix:///a; an engine answers at /b."
    )


def test_an_option_that_a_fix_names_is_one_of_doctor() -> None:
    texts = [case.finding.fix.text for case in CASES if case.finding.fix]
    known = {option for parameter in doctor.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", " ".join(texts))) - known == set()


def test_why_of_leftovers_says_how_long_they_have_been_there() -> None:
    said = "Their owners are proven dead{}; the next start of a container removes them, too."
    ages = {59.0: "", 150.0: ", and the oldest has been there for 2 minutes"}
    ages[3 * 86400.0] = ", and the oldest has been there for 3 days"
    for seconds, since in ages.items():
        assert gc.containers(Belongings(("tk-1",), oldest=seconds)).why == said.format(since)
