"""One container, from create to gone, with a worker as its main process.

Hidden here: the order (create, prove the mounts, attach, start, shake hands), and that nothing
stays when a step fails or Ctrl-C comes between two of them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Unpack

from toolkit import labels as label
from toolkit.container.creation import Creation
from toolkit.container.options import ContainerOptions, config, fingerprint, own_volumes
from toolkit.container.placing import Placed, create
from toolkit.container.refusals import explained, name_taken
from toolkit.context import ContextFile, pack
from toolkit.engine import Engine
from toolkit.engine.stream import ByteStream
from toolkit.errors import (
    DiedError,
    EngineError,
    EngineRefusedError,
    EngineUnreachableError,
    ExecError,
    StartError,
)
from toolkit.worker.answer import Ready
from toolkit.worker.channel import ENDED_EARLY, Channel, Setup
from toolkit.worker.conversation import OnOutput
from toolkit.worker.result import Command, CommandOptions, Result
from toolkit.worker.standing import Standing

_LOG: Final = logging.getLogger(__name__)
_ROOT: Final = "0:0"
_LOOK_SECONDS: Final = 5.0
_DYING_SECONDS: Final = 0.2


class Container:
    """A running container. Programs may be run from several threads at once."""

    def __init__(
        self,
        engine: Engine,
        options: ContainerOptions,
        *,
        name: str,
        placed: Placed,
        stream: ByteStream,
    ) -> None:
        """`stream` leads to a worker that has not been greeted."""
        self.id, self.name = placed.container, name
        self.copied_to, self.shared_as = placed.copied_to, placed.shared_as
        self.options = options
        self._engine = engine
        self._closed = False
        self._channel = Channel(stream, name=f"container {self.name}", died=self._died)

    def __repr__(self) -> str:
        return f"<Container {self.name} of {self.options.image}>"

    ready: Ready
    """What the worker found: the Python, the code's uid and gid, the programs."""

    @property
    def is_alive(self) -> bool:
        """Whether programs can still be run in it."""
        return not self._closed and self._channel.is_alive

    def run(
        self,
        argv: Sequence[str],
        *,
        on_output: OnOutput | None = None,
        **options: Unpack[CommandOptions],
    ) -> Result:
        """Run a program to its end; see `Command` for the options.

        `on_output(stream, data)` is called with output as it comes, in this thread. Raises
        DiedError when the container ends meanwhile, NotRunningError when it was closed, ExecError
        when the program could not be started for want of processes or the like.
        """
        return self._channel.run(Command(tuple(argv), **options), on_output=on_output)

    def start(self, argv: Sequence[str], **options: Unpack[CommandOptions]) -> Standing:
        """Start a program that stays, to be asked again and again; it ends with the container."""
        return self._channel.start(Command(tuple(argv), **options))

    def write(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Write a file under the code's uid, its folders too; relative to the working directory."""
        self._channel.write(path, data, mode=mode)

    def install(self, files: Sequence[ContextFile]) -> None:
        """Put files below `/` that are root's, by the worker where it is root, else the engine."""
        try:
            for file in files:
                self._channel.write(f"/{file.path}", file.read(), mode=file.mode, user=_ROOT)
        except ExecError:
            self._engine.put_files(self.id, "/", bytes(pack(files)))

    def reset(self, *, timeout: float = 10.0) -> None:
        """End every process in it but the worker; the file system stays as it is."""
        self._channel.reset(timeout=timeout)

    def close(self, *, engine: Engine | None = None) -> None:
        """Let it go: removed, or stopped, or left running, as the options say. Idempotent.

        `engine` is another connection to the same engine, such as one with a shorter time limit.
        """
        if self._closed:
            return
        self._closed = True
        engine = engine or self._engine
        try:
            if not self.options.is_kept:
                engine.remove_container(self.id)
            elif not self.options.keep_running:
                engine.end_container(self.id)
        finally:
            self._channel.close()
        if self.options.is_kept:
            _LOG.warning("container %s %s", self.name, how_to_look(self.name, self.options))

    def hang_up(self) -> None:
        """Close the stream only, which ends the container in its own time. For many at once."""
        self._channel.close()

    def close_after_fork(self) -> None:
        """In a forked child: forget it; the parent's container lives on."""
        self._closed = True
        self._channel.close_after_fork()

    def greet(self, user: str | None, *, persist: bool) -> None:
        """Send the worker and wait for its answer. Once. `persist`: it outlives our stream."""
        options = self.options
        setup = Setup(
            cwd=options.working_dir,
            user=user,
            programs=options.programs,
            persist=persist,
            scratch=options.has_scratch or self.copied_to is not None,
            ttl=options.ttl or None,
            warm=options.warm,
            preload=options.preload,
        )
        try:
            self.ready = self._channel.open(setup, timeout=options.start_timeout)
        except StartError as error:
            if error.message.endswith(ENDED_EARLY):
                raise self._stillborn() from error
            raise

    def _looked_up(self) -> dict[str, Any] | None:
        """Ask the engine, over a new connection: an old one may have died with its engine."""
        with Engine(self._engine.endpoint, timeout=_LOOK_SECONDS) as engine:
            try:
                return engine.inspect_container(self.id)
            except EngineUnreachableError:  # while it dies it may still accept a connection
                time.sleep(_DYING_SECONDS)
                return engine.inspect_container(self.id)

    def _stillborn(self) -> StartError:
        """Say why it ended before its worker could say anything."""
        try:
            found = self._looked_up()
        except EngineError as error:
            message = f"container {self.name} was lost with its engine: {error.message}"
            return StartError(message, hint=error.hint, container=self.id)
        state = (found or {}).get("State", {})
        ending, hint = "was removed", "start it again"
        if state.get("OOMKilled"):
            ending, hint = "ran out of memory", "start it again with more memory"
        elif "ExitCode" in state:
            ending = f"ended with exit code {state['ExitCode']}"
        message = f"container {self.name} {ending} before its worker answered"
        return StartError(message, hint=hint, container=self.id)

    def _died(self, words: str) -> DiedError:
        """Say how it ended, as far as the engine still knows."""
        last = words.rpartition("\n")[2]
        try:
            state = (self._looked_up() or {}).get("State", {})
        except EngineError as error:
            return DiedError(
                f"container {self.name} was lost with its engine: {error.message}",
                hint=error.hint,
                container=self.id,
            )
        return DiedError(
            f"container {self.name} {_ending(state)}" + (f" ({last})" if last else ""),
            hint="start another container; the files outside of its mounts are gone",
            container=self.id,
        )


def how_to_look(name: str, options: ContainerOptions) -> str:
    """Say how to see what is inside a kept container, in words that fit its state."""
    if options.keep_running:
        return (
            f"runs on: look inside by `docker exec -it {name} sh`, end it by `docker rm -f {name}`"
        )
    return (
        f"is stopped and kept: look inside by `docker start {name}` and then "
        f"`docker exec -it {name} sh`, or copy out of it by `docker cp {name}:PATH .`; "
        f"remove it by `docker rm -f {name}`"
    )


def open_container(
    creation: Creation, options: ContainerOptions, *, labels: Mapping[str, str], caller: str
) -> Container:
    """Create and start a container. Whatever goes wrong, `creation.discard()` undoes it.

    `caller` is the uid and gid that this process has inside the container. Raises StartError.
    """
    engine, name = creation.engine, creation.name
    image = engine.inspect_image(options.image)
    options = _preloading(options, image)
    user = options.user or (caller if options.profile.callers_uid else None)
    body = config(options, user, labels)
    body["Labels"][label.COPIED] = ""  # over what an image of such a container would hand on
    if options.is_kept:
        body["Labels"][label.OPTIONS] = fingerprint(body, options.mounts)
    body["HostConfig"]["Mounts"] += own_volumes(image, body, labels)
    with explained(options):
        placed = _created(creation, body, options)
        stream = engine.attach_container(placed.container)
        container = Container(engine, options, name=name, placed=placed, stream=stream)
        try:
            engine.start_container(placed.container)
            container.greet(user, persist=options.keep_running)
            container.install(options.files)
        except BaseException:
            container.hang_up()
            raise
    return container


def _preloading(options: ContainerOptions, image: Mapping[str, Any] | None) -> ContainerOptions:
    """What the image asks for, where nobody else has said what is imported beforehand."""
    if not options.warm or options.preload:
        return options
    said = ((image or {}).get("Config") or {}).get("Labels") or {}
    return replace(options, preload=tuple(filter(None, said.get(label.PRELOAD, "").split(","))))


def _created(creation: Creation, body: Mapping[str, Any], options: ContainerOptions) -> Placed:
    try:
        return create(creation, body, options.mounts)
    except EngineRefusedError as error:
        if "is already in use" in error.message:
            raise name_taken(
                creation.name, creation.engine.inspect_container(creation.name)
            ) from error
        raise


def _ending(state: Mapping[str, Any]) -> str:
    if state.get("OOMKilled"):
        return "ran out of memory"
    if state.get("Running"):
        return "is no longer connected, though it runs"
    if state.get("Status") in {"exited", "dead"}:
        return f"ended with exit code {state.get('ExitCode')} while it was in use"
    return "ended while it was in use"
