"""`toolkit run`."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final, TypedDict, Unpack

import click

from toolkit import builder, host_path, image, resources
from toolkit.builder import BuildOptions
from toolkit.cli import report
from toolkit.cli._progress import showing
from toolkit.cli._spec_options import base_option, read_dependencies
from toolkit.container import WORKSPACE, Container, ContainerOptions, Mount, Transfer
from toolkit.engine import Engine, connect
from toolkit.errors import SpecError, ToolkitError
from toolkit.lifecycle import ContainerManager
from toolkit.mirror import Mirror
from toolkit.profile import named
from toolkit.worker.result import Stream

OURS: Final = 125

_SHELL_SUFFIXES: Final = (".sh", ".bash")
_PYTHONS: Final = ("python", "python3")


class _Options(TypedDict):
    image: str | None
    deps: tuple[str, ...]
    base: str | None
    code: str | None
    arguments: tuple[str, ...]
    timeout: float | None
    profile: str
    network: str | None
    work_dir: Path | None
    bind_dir: str | None
    transfer: Transfer
    quiet: bool


@click.command(
    epilog="Example: toolkit run --deps requirements.txt -c 'import numpy; print(numpy.pi)'",
    context_settings={"allow_interspersed_args": False},
)
@click.option(
    "--image",
    envvar=image.DEFAULT_VARIABLE,
    show_envvar=True,
    metavar="IMAGE",
    help=f"The image to run in.  [default: {image.DEFAULT}]",
)
@click.option(
    "--deps",
    multiple=True,
    metavar="FILE",
    help="Build or reuse the image of this dependency file, and run in it.",
)
@base_option
@click.option("-c", "code", metavar="CODE", help="Python code to run instead of a file.")
@click.option("--timeout", type=click.FloatRange(min=0.001), help="Seconds that it may take.")
@click.option(
    "--profile",
    type=click.Choice(["standard", "strict", "compat"]),
    default="standard",
    show_default=True,
    help="What the container may do.",
)
@click.option("--network", metavar="NAME", help="The container's network: `none` for no network.")
@click.option(
    "--work-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder to run in; without it, nothing of this machine is seen.",
)
@click.option(
    "--bind-dir",
    metavar="PATH",
    help="The path that it has on the engine's host; without it, that is found.",
)
@click.option(
    "--transfer",
    type=click.Choice(["auto", "bind", "copy"]),
    default="auto",
    show_default=True,
    help="Share it, copy it in and out, or copy it where it cannot be shared.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing about the image.")
@click.argument("arguments", nargs=-1, metavar="[FILE] [ARGUMENTS]...")
def run(**options: Unpack[_Options]) -> None:
    """Run a program in a container.

    Output comes through as it is written, and the exit code is the program's own; 124 means
    that it ran out of time, 125 that the toolkit itself failed. A FILE that ends in .sh is run
    by sh, any other by python. Its standard input is empty.
    """
    _check(options)
    try:
        code = _run(options)
    except ToolkitError as error:
        if click.get_current_context().find_root().params.get("debug"):
            raise
        report(error)
        code = OURS
    except (click.ClickException, BrokenPipeError):
        raise
    except Exception:  # noqa: BLE001 - see below
        # A bug of ours must not look like the program's own exit code.
        traceback.print_exc()
        code = OURS
    sys.exit(code)


def _check(options: _Options) -> None:
    """Raises UsageError for what cannot be meant."""
    image_given = click.get_current_context().get_parameter_source("image")
    if options["code"] is None and not options["arguments"]:
        raise click.UsageError("Give a FILE or -c CODE.")
    if options["deps"] and image_given is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("Give either --image or --deps.")
    if options["bind_dir"] is not None and options["transfer"] == "copy":
        raise click.UsageError("Give either --bind-dir or --transfer copy.")
    if options["bind_dir"] is not None and options["work_dir"] is None:
        raise click.UsageError("Give --work-dir with --bind-dir.")


def _run(options: _Options) -> int:
    program = _program(options)
    with connect() as engine, ContainerManager(engine) as manager:
        container = manager.start(_container(_image(engine, options), options))
        if program is not None:
            container.write(*program)
        with _carried(container, options["work_dir"]):
            result = container.run(
                _command(options), timeout=options["timeout"], on_output=_pass_through
            )
    return result.exit_code


def _carried(container: Container, folder: Path | None) -> AbstractContextManager[None]:
    """Have the folder in the container as it is here, and the other way round after it."""
    if folder is None or container.copied_to is None:
        return nullcontext()
    found = container.ready.programs
    python = next((name for name in _PYTHONS if found.get(name)), "python")
    return Mirror(container, folder, python=python).checked()


def _program(options: _Options) -> tuple[str, bytes] | None:
    """The name and content of the file to be run, read before anything is started."""
    if options["code"] is not None:
        return None
    path = Path(options["arguments"][0])
    try:
        return f"/tmp/{path.name}", path.read_bytes()  # noqa: S108 - the container's
    except OSError as error:
        raise SpecError(
            f"{path}: {(error.strerror or str(error)).lower()}",
            hint="name a file of Python or shell code, or give code with -c",
        ) from error


def _command(options: _Options) -> list[str]:
    if options["code"] is not None:
        return ["python", "-c", options["code"], *options["arguments"]]
    path, *rest = options["arguments"]
    program = "sh" if Path(path).suffix in _SHELL_SUFFIXES else "python"
    return [program, f"/tmp/{Path(path).name}", *rest]  # noqa: S108 - the container's


def _image(engine: Engine, options: _Options) -> str:
    if not options["deps"]:
        return _provided(engine, options["image"] or image.DEFAULT, quiet=options["quiet"])
    spec = read_dependencies(options["deps"], options["base"])
    building = BuildOptions(
        cache=resources.cache(os.environ), registry=builder.registry_of(os.environ)
    )
    with showing(quiet=options["quiet"]) as display:
        planned = builder.plan(spec, engine=engine, options=building, listener=display)
        built = builder.build(
            planned, engine=engine, environment=os.environ, options=building, listener=display
        )
    return str(built.reference)


def _provided(engine: Engine, name: str, *, quiet: bool) -> str:
    image.provide(engine, name, lambda text: None if quiet else click.echo(text, err=True))
    return name


def _container(name: str, options: _Options) -> ContainerOptions:
    return ContainerOptions(
        image=name,
        profile=named(options["profile"]),
        network=options["network"],
        mounts=_mounts(options),
        programs=_PYTHONS,
    )


def _mounts(options: _Options) -> tuple[Mount, ...]:
    folder, how = options["work_dir"], options["transfer"]
    if folder is None:
        return ()
    source = "" if how == "copy" else host_path.given(options["bind_dir"], folder, os.environ)
    return (Mount(source, WORKSPACE, proof=folder, transfer=how),)


def _pass_through(stream: Stream, data: bytes) -> None:
    out = sys.stdout if stream == "stdout" else sys.stderr
    out.buffer.write(data)
    out.buffer.flush()
