"""The options that say what image is wanted, shared by the commands that take them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import click

from toolkit import deps, resources
from toolkit.deps import Dependencies, Selection
from toolkit.lock.exporting import exporter
from toolkit.lock.program import Uv
from toolkit.spec import DEFAULT_BASE, ImageSpec, default_name

_Command = TypeVar("_Command", bound=Callable[..., Any])


class DependencyOptions(TypedDict):
    """What the options that say what is to be installed come to, and on which Python."""

    deps: tuple[str, ...]
    with_packages: tuple[str, ...]
    extra: tuple[str, ...]
    group: tuple[str, ...]
    exclude_newer: str | None
    base: str | None
    python: str | None
    allow_outside: bool


class SpecOptions(DependencyOptions):
    """What the options below come to."""

    name: str | None
    apt: tuple[str, ...]
    apt_build: tuple[str, ...]
    env: tuple[str, ...]
    label: tuple[str, ...]
    tag: tuple[str, ...]
    excuse_import: tuple[str, ...]


def spec_options(command: _Command) -> _Command:
    """Add the options to a command."""
    for option in reversed((*_DEPENDENCIES, *_OPTIONS)):
        command = option(command)
    return command


def dependency_options(command: _Command) -> _Command:
    """Add those that say what is to be installed, and on which Python."""
    for option in reversed(_DEPENDENCIES):
        command = option(command)
    return command


def read_spec(options: SpecOptions) -> ImageSpec:
    """The spec that the options describe. Raises SpecError with all problems of a file."""
    dependencies = _asked(options)
    paths = [Path(path) for path in options["deps"]]
    return ImageSpec.from_mapping(
        {
            "name": options["name"] or default_name(paths, resources.tree("images")),
            "base": options["base"],
            "python": options["python"],
            "apt": options["apt"],
            "apt_build": options["apt_build"],
            "environment": options["env"],
            "labels": options["label"],
            "tags": options["tag"],
            "excused": options["excuse_import"],
        },
        dependencies,
    )


def read_wanted(options: DependencyOptions) -> ImageSpec:
    """The spec of what is to be installed, everything else as it is by default."""
    table = {"base": options["base"], "python": options["python"]}
    return ImageSpec.from_mapping(table, _asked(options))


def read_dependencies(files: Sequence[str], base: str | None) -> ImageSpec:
    """The spec of dependency files alone, everything else as it is by default."""
    paths = [Path(path) for path in files]
    table = {"name": default_name(paths, resources.tree("images")), "base": base}
    return ImageSpec.from_mapping(table, _read(paths, Selection(), allow_outside=False))


def _asked(options: DependencyOptions) -> Dependencies:
    paths = [Path(path) for path in options["deps"]]
    if not paths and not options["with_packages"]:
        raise click.UsageError("Give --deps FILE or --with PACKAGE.")
    selection = Selection(
        extras=options["extra"],
        groups=options["group"],
        packages=options["with_packages"],
        newest=options["exclude_newer"],
    )
    return _read(paths, selection, allow_outside=options["allow_outside"])


def _read(paths: Sequence[Path], selection: Selection, *, allow_outside: bool) -> Dependencies:
    """The dependencies; where the files lie below the current folder, that is the project's."""
    here = Path.cwd()
    below = all(path.resolve().is_relative_to(here) for path in paths)
    root = here if below else None
    return deps.read(
        paths,
        env=os.environ,
        root=root,
        allow_outside=allow_outside,
        selection=selection,
        export=exporter(lambda: Uv.fetched(resources.cache(os.environ), os.environ)),
    )


base_option = click.option(
    "--base",
    envvar="TOOLKIT_BASE_IMAGE",
    show_envvar=True,
    metavar="IMAGE",
    help=f"The base image.  [default: {DEFAULT_BASE}]",
)

_DEPENDENCIES = (
    click.option(
        "--deps",
        multiple=True,
        metavar="FILE",
        help="requirements.txt, pyproject.toml, a lock, a script, …, or a folder; may be repeated.",
    ),
    click.option(
        "--with",
        "with_packages",
        multiple=True,
        metavar="PACKAGE",
        help='A package besides, such as "pandas>=2".',
    ),
    click.option("--extra", multiple=True, metavar="NAME", help="An extra of the project."),
    click.option("--group", multiple=True, metavar="NAME", help="A dependency group of it."),
    click.option(
        "--exclude-newer",
        metavar="WHEN",
        help="Overlook what was uploaded later: 2026-01-31, or 7 days.",
    ),
    base_option,
    click.option("--python", metavar="VERSION", help="The Python that the base must have: 3.12"),
    click.option(
        "--allow-outside",
        is_flag=True,
        help="Let the file refer to local paths outside its folder.",
    ),
)

_OPTIONS = (
    click.option("--name", metavar="NAME", help="The image's name: toolkit/NAME:…  [default: env]"),
    click.option(
        "--apt", multiple=True, metavar="PACKAGE", help="A Debian package that the image needs."
    ),
    click.option(
        "--apt-build",
        multiple=True,
        metavar="PACKAGE",
        help="A Debian package for the build alone: a compiler, headers.",
    ),
    click.option(
        "--env", multiple=True, metavar="NAME=VALUE", help="An environment variable of the image."
    ),
    click.option("--label", multiple=True, metavar="NAME=VALUE", help="A label of the image."),
    click.option("--tag", multiple=True, metavar="IMAGE", help="Another name for the image."),
    click.option(
        "--excuse-import",
        multiple=True,
        metavar="MODULE",
        help="A module whose failing import does not matter.",
    ),
)
