"""The options that say what image is wanted, shared by the commands that take them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar

import click

from toolkit import resources
from toolkit.lock.exporting import at_hand
from toolkit.spec import DEFAULT_BASE, ImageSpec, Wishes, catalogue, default_name, load, reading

_Command = TypeVar("_Command", bound=Callable[..., Any])


class DependencyOptions(TypedDict):
    """What the options that say what is to be installed come to, and on which Python."""

    deps: tuple[str, ...]
    with_packages: tuple[str, ...]
    extra: tuple[str, ...]
    group: tuple[str, ...]
    exclude_newer: str | None
    index: str | None
    base: str | None
    python: str | None


class OutsideOptions(DependencyOptions):
    """These, and whether what they name may lie elsewhere."""

    allow_outside: bool


class WishOptions(DependencyOptions):
    """What the options come to that an image.toml could say as well."""

    name: str | None
    platform: str | None
    apt: tuple[str, ...]
    apt_build: tuple[str, ...]
    apk: tuple[str, ...]
    apk_build: tuple[str, ...]
    rpm: tuple[str, ...]
    rpm_build: tuple[str, ...]
    env: tuple[str, ...]
    label: tuple[str, ...]
    tag: tuple[str, ...]
    excuse_import: tuple[str, ...]
    user: str | None
    workdir: str | None
    template: str | None


class SpecOptions(WishOptions, OutsideOptions):
    """All of it, and where the image.toml is."""

    entry: str | None
    spec: Path | None
    unlocked: bool


_DEPENDENCY_NAMES: Final = (
    "deps",
    "with_packages",
    "extra",
    "group",
    "exclude_newer",
    "index",
    "base",
    "python",
)
_KEYS: Final = {
    "deps": "deps",
    "with_packages": "packages",
    "extra": "extras",
    "group": "groups",
    "exclude_newer": "exclude-newer",
    "index": "index",
    "name": "name",
    "base": "base",
    "python": "python",
    "platform": "platform",
    "apt": "apt",
    "apt_build": "apt-build",
    "apk": "apk",
    "apk_build": "apk-build",
    "rpm": "rpm",
    "rpm_build": "rpm-build",
    "env": "environment",
    "label": "labels",
    "tag": "tags",
    "excuse_import": "excused",
    "user": "user",
    "workdir": "workdir",
    "template": "template",
}
"""The options, and what they are called in an image.toml."""


def _adding(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def add(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def wished(options: Mapping[str, Any]) -> Wishes:
    """What the options say, without a file."""
    return Wishes.read({key: options[name] for name, key in _KEYS.items() if options.get(name)})


def read_wishes(options: SpecOptions) -> Wishes:
    """What the options and the file that they name say; where both do, an option counts."""
    if options["entry"] and options["spec"]:
        raise click.UsageError("Give either an image of the catalogue or --spec FILE.")
    place, images = options["spec"], resources.tree("images")
    if options["entry"]:
        place = catalogue.find(options["entry"], images)
    wishes = wished(options)
    if place is not None:
        outside = options["allow_outside"]
        wishes = wishes.over(load(place, root=_root([place]), allow_outside=outside))
    elif not wishes.paths and not wishes.selection.packages:
        raise click.UsageError(
            "Give an image of the catalogue, --spec FILE, --deps FILE or --with PACKAGE."
        )
    if options["unlocked"]:
        wishes = wishes.without("lock")
    named = wishes.paths if place is None else (place,)
    return wishes.over(Wishes({"name": default_name(named, images)}))


def read_spec(options: SpecOptions) -> ImageSpec:
    """The spec that the options describe. Raises SpecError with all problems of a file."""
    return _spec(read_wishes(options), allow_outside=options["allow_outside"])


def read_wanted(options: OutsideOptions, place: Path | None) -> tuple[ImageSpec, Path | None]:
    """The spec of what is to be installed, as it is without a lock; and the lock that it names.

    `place` is an image.toml, if one is given; what it does not say is as it is by default.
    """
    # A command may have an option of its own that is called as a wish is.
    wishes = wished({name: options[name] for name in _DEPENDENCY_NAMES})
    outside = options["allow_outside"]
    if place is not None:
        wishes = wishes.over(load(place, root=_root([place]), allow_outside=outside))
    elif not wishes.paths and not wishes.selection.packages:
        raise click.UsageError("Give --spec FILE, --deps FILE or --with PACKAGE.")
    return _spec(wishes.without("lock"), allow_outside=outside), wishes.lock


def read_dependencies(files: Sequence[str], base: str | None) -> ImageSpec:
    """The spec of dependency files alone, everything else as it is by default."""
    wishes = Wishes.read({"deps": files, "base": base})
    name = default_name(wishes.paths, resources.tree("images"))
    return _spec(wishes.over(Wishes({"name": name})), allow_outside=False)


def _spec(wishes: Wishes, *, allow_outside: bool) -> ImageSpec:
    """The spec; where the files lie below the current folder, that is the project's."""
    named = [*wishes.paths, *([wishes.lock] if wishes.lock else [])]
    return reading.read(
        wishes,
        env=os.environ,
        root=_root(named),
        allow_outside=allow_outside,
        export=at_hand(os.environ),
    )


def _root(paths: Sequence[Path]) -> Path | None:
    """The project's folder: the current one, where all of them lie below it, else that of each."""
    here = Path.cwd()
    return here if all(path.resolve().is_relative_to(here) for path in paths) else None


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
    click.option("--index", metavar="URL", help="The package index, in place of PyPI."),
    base_option,
    click.option("--python", metavar="VERSION", help="The Python that the base must have: 3.12"),
)

_OUTSIDE = click.option(
    "--allow-outside",
    is_flag=True,
    help="Let files refer to local paths outside the project's folder.",
)

_OPTIONS = (
    click.option("--name", metavar="NAME", help="The image's name: toolkit/NAME:…  [default: env]"),
    click.option(
        "--platform", metavar="PLATFORM", help="The platform that the base must have: linux/arm64"
    ),
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
        "--apk", multiple=True, metavar="PACKAGE", help="The same for a base of Alpine's family."
    ),
    click.option(
        "--apk-build", multiple=True, metavar="PACKAGE", help="The same, for the build alone."
    ),
    click.option(
        "--rpm", multiple=True, metavar="PACKAGE", help="For a base of Fedora's or Red Hat's."
    ),
    click.option(
        "--rpm-build", multiple=True, metavar="PACKAGE", help="The same, for the build alone."
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
    click.option("--user", metavar="UID[:GID]", help="Whom the image's programs run as."),
    click.option("--workdir", metavar="PATH", help="The folder in which `docker run` starts them."),
    click.option("--template", metavar="FILE", help="A Dockerfile template of your own."),
)

_PLACES = (
    click.argument("entry", required=False, metavar="[IMAGE]"),
    click.option(
        "--spec",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="An image.toml; options count more than what it says.",
    ),
    click.option(
        "--unlocked", is_flag=True, help="Resolve anew, though the image.toml names a lock."
    ),
)

dependency_options = _adding(*_DEPENDENCIES, _OUTSIDE)
"""Those that say what is to be installed, and on which Python."""
wish_options = _adding(*_DEPENDENCIES, *_OPTIONS)
"""Those that an image.toml could say as well."""
spec_options = _adding(*_PLACES, *_DEPENDENCIES, _OUTSIDE, *_OPTIONS)
"""All that say what image is wanted."""
