"""The world as doctor meets it: each fact is gathered once, when a check first asks for it.

The shell of the checks. Nothing here judges, changes anything, pulls, or needs root.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.doctor import (
    around,
    attempts,
    bounds,
    facts,
    forwarding,
    inside,
    leavings,
    look,
    made,
    networks,
    scenes,
    sibling,
    tether,
    trial_build,
)
from toolkit.doctor.once import once
from toolkit.doctor.question import Question
from toolkit.engine import Engine, EngineVersion
from toolkit.engine.endpoint import Endpoint, resolve
from toolkit.errors import EngineError

PATIENCE = 3.0
"""Seconds that one answer of the engine may take; less than a check's own limit."""
_DEEP_PATIENCE = 15.0
"""The same, where the engine has something to do."""


class World:
    """The facts, and the one connection behind some of them; `close` it."""

    def __init__(self, question: Question) -> None:
        self.question = question

    def close(self) -> None:
        """Close the connection to the engine, if one was opened."""
        for name in ("engine", "worker"):
            opened = self.seen(name)
            if isinstance(opened, Engine):
                opened.close()

    def seen(self, name: str) -> object | None:
        """Give a fact that was gathered already, and None for any other."""
        return self.__dict__.get(name)

    @once
    def client(self) -> facts.Client:
        return look.client()

    @once
    def docker_config(self) -> facts.DockerConfig:
        return look.docker_config(self.question.env, self.question.home)

    @once
    def environment(self) -> facts.Environment:
        return look.environment(self.question.env, self.docker_config.current_context)

    @once
    def endpoint(self) -> Endpoint:
        return resolve(None, env=self.question.env, home=self.question.home)

    @once
    def chosen(self) -> facts.Chosen:
        try:
            endpoint = self.endpoint
        except EngineError as error:
            return facts.Chosen("", "", error.message, error.hint)
        return facts.Chosen(str(endpoint), endpoint.origin)

    @once
    def socket(self) -> facts.Socket:
        return look.socket_at(self.endpoint.socket_path, self.question.env, self.question.home)

    @once
    def permission(self) -> facts.Permission:
        return look.permission(self.socket, self.question.env)

    @once
    def engine(self) -> Engine:
        return Engine(self.endpoint, timeout=PATIENCE)

    @once
    def worker(self) -> Engine:
        """The engine, where it has something to do: a connection that waits for longer."""
        return Engine(self.endpoint, timeout=_DEEP_PATIENCE)

    @once
    def reach(self) -> facts.Reach:
        return look.reach(self.engine, self.question.env, self.question.home)

    @once
    def version(self) -> EngineVersion:
        return self.engine.version()

    @once
    def info(self) -> facts.Info:
        return self._timed_info[0]

    @once
    def _timed_info(self) -> tuple[facts.Info, float]:
        """The info, and our time in the middle of the request."""
        begun = time.time()
        said = self.engine.info()
        return said, (begun + time.time()) / 2

    @once
    def detour(self) -> facts.Detour:
        engine = None if self.reach.error else self.engine
        return around.detour(self.endpoint.address, engine, self.question.env)

    @once
    def others(self) -> facts.Others:
        return around.others(self.endpoint, self.question.env, self.question.home)

    @once
    def users(self) -> facts.Users:
        return around.users(self.info, self.endpoint)

    @once
    def runtimes(self) -> facts.Runtimes:
        return around.runtimes(self.info, self.question.env)

    @once
    def graphics(self) -> facts.Graphics:
        return around.graphics(self.info)

    @once
    def clock(self) -> facts.Clock:
        return around.clock(*self._timed_info)

    @once
    def latency(self) -> facts.Latency:
        return around.latency(self.engine)

    @once
    def kind(self) -> facts.Kind:
        return facts.Kind(
            address=str(self.endpoint),
            secure=self.endpoint.tls is not None,
            operating_system=_text(self.info, "OperatingSystem"),
            name=_text(self.info, "Name"),
            flavour=self.version.flavour,
        )

    @once
    def versions(self) -> facts.Versions:
        found = self.version
        return facts.Versions(
            version=found.version,
            api=found.api,
            min_api=found.min_api,
            os=found.os,
            arch=found.arch,
            flavour=found.flavour,
            here=look.architecture(),
        )

    @once
    def build(self) -> facts.Build:
        return look.build(self.engine, self.version.flavour)

    @once
    def disk(self) -> facts.Disk:
        return look.disk(_text(self.info, "DockerRootDir"), self.endpoint)

    @once
    def inside(self) -> scenes.Inside:
        return inside.inside(self.question.env)

    @once
    def identity(self) -> scenes.Identity:
        return inside.identity(self.engine)

    @once
    def socket_mount(self) -> scenes.SocketMount:
        return inside.socket_mount(self.socket)

    @once
    def mounted(self) -> scenes.Mounted:
        return inside.mounted(self.question.work_dir)

    @once
    def bound(self) -> scenes.Bound:
        asked = self.question
        said = (asked.bind_dir, asked.env)
        return inside.bound(self.worker, asked.work_dir, said, asked.image or "")

    @once
    def sharing(self) -> scenes.Sharing:
        folder = Path.cwd() if self.question.work_dir is None else self.work_dir.path
        return scenes.Sharing(self.kind, str(folder), str(self.question.home))

    @once
    def relabel(self) -> scenes.Relabel:
        return inside.relabel(self.info, self.question.work_dir)

    @once
    def read_inside(self) -> scenes.Relabel:
        """What `relabel` has, after a container has tried to read in the work dir."""
        seen = self.sibling
        untried = seen.untried or ("" if seen.work_dir else "no work dir was shared")
        denied = seen.files if not seen.read and "Permission denied" in seen.files else ""
        return replace(self.relabel, untried=untried, denied=denied)

    @once
    def proxies(self) -> scenes.Proxies:
        return networks.proxies(
            self.info,
            self.question.env,
            self.docker_config.path,
            ask=not self.question.offline,
            local=self.endpoint.socket_path is not None,
        )

    @once
    def bridge(self) -> scenes.Bridge:
        return networks.bridge(self.engine, self.info)

    @once
    def registry(self) -> scenes.Registry:
        return networks.registry(self.engine, self.info, self.question.image)

    @once
    def belongings(self) -> facts.Belongings:
        return leavings.belongings(self.engine)

    @once
    def files(self) -> facts.Files:
        return leavings.files(self.question.work_dir)

    @once
    def work_dir(self) -> facts.WorkDir:
        return look.work_dir(self.question.work_dir, self.question.home)

    @once
    def image(self) -> facts.ImageSeen:
        if self.question.image is None:
            return facts.ImageSeen(None)
        found = look.image(self.engine, self.question.image, self.version)
        return replace(found, files=tuple(map(str, self.question.deps)))

    @once
    def stale(self) -> facts.Stale:
        return made.stale(self.worker, self.question)

    @once
    def orphans(self) -> facts.Orphans:
        return made.orphans(self.engine)

    @once
    def local_image(self) -> str:
        """The image to try things with, or nothing."""
        return inside.local_image(self.engine, self.question.image or "")

    @once
    def _first_sibling(self) -> scenes.Sibling:
        return self._sibling(network=None)

    def _sibling(self, *, network: str | None) -> scenes.Sibling:
        asked, mount = self.question, None
        # Where every user is another (userns-remap), an executor shares no work dir either.
        if asked.work_dir is not None and self.bound.source and not self.users.remapped:
            mount = inside.mount(asked.work_dir, asked.bind_dir, asked.env)
        return sibling.sibling(
            self.worker, self.local_image, mount=mount, env=asked.env, network=network
        )

    @once
    def launch(self) -> scenes.Launch:
        runtime = _text(self.info, "DefaultRuntime") or "the default runtime"
        starts = not self._first_sibling.error
        return attempts.launch(self.worker, self.local_image, runtime, starts=starts)

    @once
    def sibling(self) -> scenes.Sibling:
        if self.launch.runtime.error:
            return scenes.Sibling(untried="no container starts: see engine.runtimes")
        if self.launch.network.error:
            return self._sibling(network="none")
        return self._first_sibling

    @once
    def python(self) -> str:
        """The name of the image's interpreter, where its container has started."""
        programs = self.sibling.programs
        return programs.get("python") or programs.get("python3") or ""

    @once
    def bounds(self) -> scenes.Bounds:
        if not self.python:
            return scenes.Bounds(untried=_unstarted(self.sibling))
        return bounds.bounds(self.worker, self.local_image, self.python)

    @once
    def trial_build(self) -> scenes.Built:
        if not self.python:
            return scenes.Built(untried=_unstarted(self.sibling))
        if self.sibling.cut_off:
            return scenes.Built(untried="no step starts on the default network: see net.bridge")
        asked = self.question
        return trial_build.trial_build(
            self.worker, self.local_image, self.python, env=asked.env, ask=not asked.offline
        )

    @once
    def started_runtimes(self) -> scenes.Launches:
        first = self.launch.runtime
        info = {} if first.error or self.version.flavour == "podman" else self.info
        return attempts.runtimes(self.worker, self.local_image, info, first)

    @once
    def started_init(self) -> scenes.Launches:
        if self.launch.runtime.error:
            return scenes.Launches(self.sibling.untried)
        return attempts.init(self.worker, self.local_image)

    @once
    def started_gpu(self) -> scenes.Launches:
        if self.launch.runtime.error:
            return scenes.Launches(self.sibling.untried)
        return attempts.gpu(self.worker, self.local_image, self.graphics)

    @once
    def linked(self) -> scenes.Launches:
        """Whether a container starts on the engine's default network."""
        if self.sibling.untried:
            return scenes.Launches(self.sibling.untried)
        return scenes.Launches(attempts=(self.launch.network,))

    @once
    def forwarding(self) -> scenes.Forwarding:
        ask = not self.question.offline
        return forwarding.forwarding(self.sibling, self.bridge, ask=ask)

    @once
    def outward(self) -> scenes.Sibling:
        """The sibling as it bears upon names and the index: cut off where nothing gets out."""
        dropped = self.forwarding.late and self.forwarding.here
        return replace(self.sibling, cut_off=True) if dropped else self.sibling

    @once
    def used(self) -> facts.Disk:
        return look.used(self.worker, self.disk, self.sibling.disk)

    @once
    def tether(self) -> scenes.Tether:
        return tether.tether(self.worker, self.local_image, self.question.env)


def _unstarted(seen: scenes.Sibling) -> str:
    return seen.untried or f"no container started: {seen.error}"


def _text(info: Mapping[str, Any], key: str) -> str:
    return str(info.get(key) or "")
