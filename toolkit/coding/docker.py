"""`DockerCommandLineCodeExecutor`: blocks of code, run in one container.

Hidden here: that a block's file is a program started by the container's worker. What container is
wanted is in `settings`, how it comes to be in `starting`; what happens to blocks before and after
is in `execution`, the same for every executor.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Final, Self, Unpack

from toolkit import host_path
from toolkit import image as images
from toolkit.coding import languages, scratch, starting, transfer
from toolkit.coding.command_line import CommandLineExecutor, RunFile
from toolkit.coding.execution import ExecutorValueError
from toolkit.coding.function_module import FunctionModule
from toolkit.coding.programs import Listener, Programs
from toolkit.coding.settings import (
    ExecutorOptions,
    Place,
    as_value_errors,
    container_options,
    settled,
)
from toolkit.coding.snapshot import snapshot
from toolkit.coding.starting import DockerUnavailableError, ExecutorStartError
from toolkit.container import WORKSPACE, Container, Mount
from toolkit.errors import ContainerError, ExecError, NotRunningError
from toolkit.lifecycle import ContainerManager
from toolkit.worker.result import CommandOptions, Result

__all__ = ["DockerCommandLineCodeExecutor", "DockerUnavailableError", "ExecutorStartError"]

_LOG: Final = logging.getLogger(__name__)
_NAME_SECONDS: Final = 5.0


class DockerCommandLineCodeExecutor(CommandLineExecutor):
    """Runs blocks of Python and shell in a container; each block is a process of its own.

    The container runs from the constructor on, until `stop()`, the end of a `with`, or the end of
    this process, however it comes. Files stay in `work_dir`, variables do not. Positional
    parameters are AutoGen 0.2's.

    `image`: None is $TOOLKIT_DEFAULT_IMAGE, else python:3-slim. `timeout`: seconds a block.
    `bind_dir`: the path that `work_dir` has on the engine's host, used word for word. None is
    $TOOLKIT_BIND_DIR, or what $TOOLKIT_PATH_MAP (`/app=/srv/app`) makes of it; without them it is
    found, also where this process is in a container. A wrong one is a StartError.
    `auto_remove=False` keeps the stopped container; `stop_container=False` leaves it running.

    By keyword only:
    `transfer`: how `work_dir` comes into the container. "bind" shares it, and is a StartError where
    that cannot be; "copy" copies what changed into it before each block, and out of it after it;
    "auto" shares it where it can, and else copies. See README, "Files".
    `take_up`: go on in a kept container of that name, where there is one.
    `profile`: `standard`, `strict` or `compat`. `user`: who the code is, `uid[:gid]` or a name in
    the image. `environment`, `network`, `cpus`, `pids`, `runtime`, `extra_hosts`, `labels`: as in
    `docker run`. `memory`: bytes, or text such as `512m`; there is no swap beside it. `gpus`:
    "all", a number, or "device=0,1"; `device_requests`: docker-py's objects. `extra_volumes`:
    `{host: {"bind": path, "mode": "ro"}}`, single files too, never made where they are missing.
    `container_create_kwargs`: docker-py's own words, laid over all of it.
    `init_command`: run by `sh` before the first block of a new container; its failure is a
    StartError.
    `functions`, `functions_module`: as in AutoGen. `delete_tmp_files`: of blocks that name no file.
    `output_limit`: bytes of a block's output that a result holds, head and tail; the whole is in
    `log_file`, up to 16 times as much. `separate_streams`: stderr is not put into stdout.
    `list_files=False`: do not look for the files that a block made or changed.
    `isolation`: "fork" runs Python blocks in a fork of an interpreter that is warm, and has
    imported the modules of `preload`; "spawn" starts one for each.
    `ca_bundle`: a bundle of certificates that blocks trust; by default the one that this process's
    environment names, False is none. `manners`: for adapters. `engine`: which is to be used.

    The constructor raises ValueError for an argument that cannot be, StartError, PullError,
    EngineError.
    """

    LANGUAGE_ALIASES: ClassVar[dict[str, str]] = dict(languages.ALIASES)

    def __init__(  # noqa: PLR0913, PLR0917 - the names and the order are AutoGen's
        self,
        image: str | None = None,
        container_name: str | None = None,
        timeout: float = 60,
        work_dir: Path | str | None = Path(),
        bind_dir: Path | str | None = None,
        auto_remove: bool = True,  # noqa: FBT001, FBT002 - as above
        stop_container: bool = True,  # noqa: FBT001, FBT002 - as above
        execution_policies: Mapping[str, bool] | None = None,
        **options: Unpack[ExecutorOptions],
    ) -> None:
        """Make the work dir and start the container; an image that is absent is pulled."""
        self._settings = settings = settled(options)
        super().__init__(
            timeout=timeout,
            work_dir=Path() if work_dir is None else work_dir,
            functions=FunctionModule(settings.functions, settings.functions_module),
            execution_policies=execution_policies,
        )
        self._bind_dir = bind_dir
        place = Place(
            image=image or os.environ.get(images.DEFAULT_VARIABLE) or images.DEFAULT,
            name=container_name,
            work=self._mount(),
            auto_remove=auto_remove,
            stop_container=stop_container,
        )
        self._options = container_options(settings, place, os.environ)
        self._make_workspace(settings.manners)
        self._engine = starting.connected() if settings.engine is None else settings.engine
        self._stopped = False
        scratch.watch()  # before the containers' exit hook, so that folders go after them
        self._manager = ContainerManager(self._engine)
        self._programs = self._open()

    @classmethod
    def from_deps(
        cls,
        deps: Path | str | Sequence[Path | str],
        *,
        base: str | None = None,
        **options: Any,  # noqa: ANN401 - the constructor's own
    ) -> Self:
        """Make an executor whose image has what the dependency files name.

        The image is reused, or built and verified. `base`: None is $TOOLKIT_BASE_IMAGE, else
        python:3-slim. `options` are the constructor's, by keyword. Raises SpecError, BuildError.
        """
        image = starting.image_from_deps(deps, base=base, engine=options.get("engine"))
        return cls(image, **options)

    @property
    def bind_dir(self) -> Path:
        """The same folder as the engine's host knows it: as it was given, or found.

        Where it has no path there that is known, for it is copied, or on a volume: `work_dir`.
        """
        if self._bind_dir is not None:
            return Path(self._bind_dir)
        found = self._container.shared_as or ""
        is_same = found in {"", os.path.realpath(self._work_dir)}
        return self._work_dir if is_same else Path(found)

    @property
    def is_alive(self) -> bool:
        """Whether blocks can still be run, as far as is known without asking."""
        return self._container.is_alive

    @property
    def container_id(self) -> str:
        return self._container.id

    @property
    def container_name(self) -> str:
        return self._container.name

    def run(self, argv: Sequence[str], **options: Unpack[CommandOptions]) -> Result:
        """Run a program, without a shell, in the work dir; see `Result` and `Command`.

        Without `timeout` it has as long as a block. What it does is in the result.
        """
        options.setdefault("timeout", self._timeout)
        return self._programs.command(argv, **options)

    def put(self, source: Path | str | bytes, target: str) -> None:
        """Write bytes, or copy a file or folder of this machine, to a path in the container.

        It is written under the code's uid; a relative `target` is one in the work dir. Raises
        ValueError for a source that cannot be read, ExecError where it cannot be written.
        """
        with as_value_errors(), self._programs.checked():
            transfer.put(self._container, source, target)

    def get(self, path: str) -> bytes:
        """Read a file of the container, as the code could. Raises ExecError where it cannot."""
        with self._programs.checked():
            return transfer.get(self._container, self._programs.of("python"), path)

    def snapshot(self, tag: str) -> str:
        """Make an image of the container as it is, without `work_dir`; returns the image's id.

        It has the labels, environment, entrypoint, command and user of the executor's image; of
        what was given to this container only a CA bundle's file is in it.
        """
        with as_value_errors():
            return snapshot(self._engine, self._container.id, tag)

    def restart(self) -> None:
        """End every process of the code; files and installed packages stay.

        A container that is gone or does not answer is replaced by a new one; one that is to be
        kept is started again.
        """
        if self._container.is_alive:
            try:
                self._container.reset()
            except (ContainerError, ExecError) as error:
                _LOG.warning("container %s is replaced: %s", self._container.name, error)
            else:
                return
        self._manager.end(self._container)
        if self._options.is_kept:  # it is still there, with its files
            self._options = replace(self._options, name=self.container_name, take_up=True)
        deadline = time.monotonic() + _NAME_SECONDS
        is_reused = self._options.name and not self._options.is_kept
        while is_reused and self._engine.inspect_container(self._container.id):
            if time.monotonic() > deadline:  # it is stuck: the start will say so
                break
            time.sleep(0.02)
        self._functions = FunctionModule(self.functions, self.functions_module)
        self._programs = self._start()

    def stop(self) -> None:
        """End the container, in a tenth of a second. Idempotent; `with` does it for you."""
        self._stopped = True
        try:
            self._manager.close()
        finally:
            if self._settings.engine is None:
                self._engine.close()

    def _ready(self, listener: Listener) -> RunFile:
        if self._stopped:
            raise NotRunningError(
                f"the executor of container {self.container_name} is stopped",
                hint="call start() or restart(), or make another executor",
            )
        programs = self._programs
        self._functions.load(self._work_dir, programs.python)
        return lambda language, relative: programs.run(language, relative, listener)

    def _mount(self) -> Mount:
        """Where the work dir shall be; where it is on the engine's host is found, unless given."""
        how = self._settings.transfer
        if how == "copy":
            if self._bind_dir is not None:
                raise ExecutorValueError(
                    f"bind_dir {self._bind_dir} has no use with transfer='copy'",
                    hint="leave one of them out",
                )
            return Mount("", WORKSPACE, proof=self._work_dir, transfer=how)
        with as_value_errors():
            source = host_path.given(self._bind_dir, self._work_dir, os.environ)
        return Mount(source, WORKSPACE, proof=self._work_dir, transfer=how)

    @property
    def _container(self) -> Container:
        return self._programs.container

    def _open(self) -> Programs:
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> Programs:
        image = self._options.image
        with starting.started(image):
            starting.provide_image(self._engine, image)
            taken_up = starting.is_kept(self._engine, self._options)
            container = self._manager.start(self._options)
            try:
                plain = Programs(container, self._work_dir, self._timeout, self._settings)
                programs = plain.mirrored()
                if self._settings.init_command and not taken_up:
                    with programs.checked():
                        starting.initialise(container, self._settings.init_command)
            except BaseException:
                self._manager.end(container)
                raise
        if not container.ready.programs.get("python"):
            _LOG.info("image %s has no `python`; python3 runs the blocks", image)
        return programs
