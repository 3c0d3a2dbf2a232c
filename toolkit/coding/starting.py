"""How a Docker executor comes by its engine, its image and its container, in AutoGen's errors.

Hidden here: which of our errors must also be the built-in ones that AutoGen documents.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from toolkit.coding.execution import ExecutorValueError
from toolkit.container import Container, ContainerOptions
from toolkit.engine import Engine, connect
from toolkit.errors import (
    EngineError,
    EngineNotFoundError,
    EngineUnreachableError,
    ImageReferenceError,
    StartError,
)
from toolkit.image import provide

_LOG: Final = logging.getLogger(__name__)
INIT_SECONDS: Final = 600.0
"""For an `init_command`: it may install packages."""


class ExecutorStartError(StartError, ValueError):
    """The container did not start; a ValueError, as in AutoGen."""


class DockerUnavailableError(EngineUnreachableError, RuntimeError):
    """No engine answers; a RuntimeError, as in AutoGen."""


def connected() -> Engine:
    """The engine that the environment means."""
    try:
        return connect()
    except EngineNotFoundError as error:
        raise _unavailable(error) from error


@contextlib.contextmanager
def started(image: str) -> Iterator[None]:
    """Turn what goes wrong while a container starts into errors that AutoGen's users expect."""
    try:
        yield
    except StartError as error:
        raise ExecutorStartError(
            f"Failed to start container from image {image}. Logs: {error.message}",
            hint=error.hint,
            container=error.container,
        ) from error
    except ImageReferenceError as error:
        raise ExecutorValueError(error.message, hint=error.hint) from error
    except (EngineNotFoundError, EngineUnreachableError) as error:
        raise _unavailable(error) from error


def provide_image(engine: Engine, image: str) -> None:
    """Pull the image, if it is not there: a local one asks no registry."""
    provide(engine, image, _LOG.info)


def is_kept(engine: Engine, options: ContainerOptions) -> bool:
    """Whether the container is there to be gone on in, with all that was done in it."""
    if not (options.take_up and options.name):
        return False
    return engine.inspect_container(options.name) is not None


def initialise(container: Container, command: str) -> None:
    """Run the command to its end; anything but success is a StartError."""
    result = container.run(["sh", "-c", command], timeout=INIT_SECONDS, merged=True)
    if result.exit_code == 0:
        return
    said = result.stdout.decode("utf-8", "replace").strip()[-2000:]
    how = "took too long" if result.timed_out else f"ended with exit code {result.exit_code}"
    raise StartError(
        f"init_command {how}: {said or 'it said nothing'}",
        hint="try the command in a block of an executor without it",
        container=container.id,
    )


def image_from_deps(
    deps: Path | str | Sequence[Path | str], *, base: str | None, engine: Engine | None
) -> str:
    """Build or reuse the image of dependency files, as `toolkit build-image --deps` does.

    `engine`: None is the one that the environment means.
    """
    from toolkit import builder, resources  # they import the renderer and BuildKit
    from toolkit.deps import read
    from toolkit.lock.exporting import at_hand
    from toolkit.spec import ImageSpec, default_name

    paths = [Path(deps)] if isinstance(deps, str | Path) else [Path(path) for path in deps]
    here = Path.cwd()
    inside = all(path.resolve().is_relative_to(here) for path in paths)
    table = {
        "name": default_name(paths, resources.tree("images")),
        "base": base or os.environ.get("TOOLKIT_BASE_IMAGE"),
    }
    dependencies = read(
        paths, env=os.environ, root=here if inside else None, export=at_hand(os.environ)
    )
    spec = ImageSpec.from_mapping(table, dependencies)
    options = builder.BuildOptions(
        cache=resources.cache(os.environ), registry=builder.registry_of(os.environ)
    )
    with contextlib.nullcontext(engine) if engine is not None else connected() as builds:
        planned = builder.plan(spec, engine=builds, options=options)
        image = builder.build(planned, engine=builds, environment=os.environ, options=options)
    _LOG.info("image %s is %s", image.reference, image.action)
    return str(image.reference)


def _unavailable(error: EngineError) -> DockerUnavailableError:
    return DockerUnavailableError(
        "Docker is not available. Make sure the Docker daemon/service is running and that "
        "your user can access the Docker socket. On macOS/Windows, start Docker Desktop, "
        f"then retry. ({error.message})",
        hint=error.hint,
    )
