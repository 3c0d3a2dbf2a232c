"""What one or more dependency files ask for, as one frozen value.

Hides how it is written down for the build: one flat list that pip and uv read alike, local files
under names that say nothing about this machine, no credentials.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote

from toolkit.context import ContextFile
from toolkit.deps import urls
from toolkit.deps.python import PythonWish
from toolkit.deps.urls import Credential
from toolkit.errors import Problem, SpecError

if TYPE_CHECKING:
    from toolkit.deps.locked import Locked

CONTEXT_MOUNT: Final = "/run/toolkit/context"
"""Where a build finds the context while it installs; local paths are written so."""

_REQUIREMENTS: Final = "requirements.txt"


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A folder or file of the user's that travels in the context, below `at` (`local/0/name`).

    `kind` is `folder` for a source tree, `archive` for a wheel or sdist, `links` for the archives
    of a `--find-links` folder. `shown` is how the user called it.
    """

    at: str
    kind: Literal["folder", "archive", "links"]
    shown: str
    files: tuple[ContextFile, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """Where packages come from and which of their files are taken. URLs have no credentials.

    `find_links` has URLs and paths below CONTEXT_MOUNT. `features` (`--use-feature`) is recorded
    and not written down: a feature changes how one version of pip works, not what it installs.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    no_index: bool = False
    find_links: tuple[str, ...] = ()
    no_binary: frozenset[str] = frozenset()
    only_binary: frozenset[str] = frozenset()
    prefer_binary: bool = False
    pre: bool = False
    require_hashes: bool = False
    trusted_hosts: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield the options as lines of a requirements file, always in the same order."""
        # `:all:` comes first: with pip it undoes what was said before it.
        binaries = [(name != ":all:", name, "no-binary") for name in self.no_binary]
        binaries += [(name != ":all:", name, "only-binary") for name in self.only_binary]
        urls = [] if self.index_url is None else [self.index_url]
        yield from (f"--index-url {url}" for url in urls)
        yield from (f"--extra-index-url {url}" for url in self.extra_index_urls)
        yield from (f"--find-links {place}" for place in self.find_links)
        yield from (f"--{option} {name}" for _, name, option in sorted(binaries))
        yield from (f"--trusted-host {host}" for host in sorted(self.trusted_hosts))
        flags = {
            "--no-index": self.no_index,
            "--pre": self.pre,
            "--prefer-binary": self.prefer_binary,
            "--require-hashes": self.require_hashes,
        }
        yield from (flag for flag, given in flags.items() if given)

    def uv_environment(self) -> Iterator[str]:
        """Yield, as NAME=VALUE, what uv (0.13) does not read here; it has no `--prefer-binary`."""
        if self.pre:
            yield "UV_PRERELEASE=allow"
        if self.trusted_hosts:
            yield f"UV_INSECURE_HOST={' '.join(sorted(self.trusted_hosts))}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing to install, and the line that asked for it.

    `name` is normalised, and None where only the build can find it out (a bare path or URL).
    `url` is a direct or VCS URL without credentials; `local` a path of the context. `editable` is a
    record of the `-e`: an image has no live checkout, so it is installed like any other.
    """

    name: str | None
    extras: tuple[str, ...] = ()
    specifier: str = ""
    url: str | None = None
    local: str | None = None
    fragment: str = ""
    marker: str = ""
    hashes: tuple[str, ...] = ()
    editable: bool = False
    file: str = ""
    line: int = 0
    entry: str = ""

    @property
    def where(self) -> str:
        """The place that asked for it, for a message: file and line, or an entry of the file."""
        if self.entry:
            return f"{self.file}: {self.entry}"
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def vcs(self) -> str | None:
        """The tool that fetches it: `git`, `hg`, `svn`, `bzr`, or None."""
        return None if self.url is None else urls.vcs_of(self.url)

    @property
    def text(self) -> str:
        """The canonical text, without hashes: what is written for pip and uv."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        marker = f" ; {self.marker}" if self.marker else ""
        place = self._place()
        if self.name is None:
            return f"{place}{extras}{marker}"
        if place:
            return f"{self.name}{extras} @ {place}{marker}"
        return f"{self.name}{extras}{self.specifier}{marker}"

    @property
    def is_exact(self) -> bool:
        """Whether it can be met in one way only: by a file with a hash, of a version or a URL."""
        pinned = self.specifier.startswith("==") and not set(self.specifier) & {"*", ","}
        return bool(self.hashes) and (pinned or self.url is not None or self.local is not None)

    def _place(self) -> str:
        if self.local is None:
            return self.url or ""
        path = f"{CONTEXT_MOUNT}/{self.local}"
        if self.name is None and not self.fragment:
            return path
        return f"file://{quote(path)}" + (f"#{self.fragment}" if self.fragment else "")

    def lines(self) -> Iterator[str]:
        """Yield the requirement as lines of a requirements file, its hashes included."""
        yield " \\\n    ".join((self.text, *(f"--hash={each}" for each in self.hashes)))


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The whole closure of one or more dependency files.

    `files` are the files that were read, as they are called in messages. `credentials` were found
    in URLs and are nowhere else; neither their repr nor that of this value has them. `pythons` is
    what the files ask of the Python, `apt` and `apt_build` the Debian packages that they name, for
    the image and for its build. `exclude_newer` is the time after which uploads do not count;
    `exempt` pairs a package with another time, or with None where all of its uploads count.
    `locks` are the whole of it where there are some; `select` makes requirements of them. `conda`
    are packages of conda's as it writes them, from `channels`: the Python is then conda's, too.
    """

    requirements: tuple[Requirement, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    options: IndexOptions = field(default_factory=IndexOptions)
    local: tuple[LocalFile, ...] = ()
    credentials: tuple[Credential, ...] = field(default=(), repr=False)
    files: tuple[str, ...] = ()
    pythons: tuple[PythonWish, ...] = ()
    apt: tuple[str, ...] = ()
    apt_build: tuple[str, ...] = ()
    exclude_newer: str | None = None
    exempt: tuple[tuple[str, str | None], ...] = ()
    locks: tuple[Locked, ...] = ()
    conda: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    @property
    def base_pythons(self) -> tuple[PythonWish, ...]:
        """What the base's Python must be: nothing where conda brings one."""
        return () if self.conda else self.pythons

    @property
    def is_locked(self) -> bool:
        """Whether nothing is left to resolve: a lock, or nothing but exact versions with hashes."""
        exact = all(each.is_exact for each in self.requirements)
        return bool(self.locks) or (exact and not self.conda)

    def check_unmixed(self, doing: str) -> None:
        """Refuse packages of conda's, which no lock has. Raises SpecError."""
        if self.conda:
            raise SpecError(
                f"{', '.join(self.files)}: {self.conda[0]} is conda's, and {doing}",
                hint="leave conda's packages out, or that",
            )

    def check_locked(self) -> None:
        """Refuse what is not locked. Raises SpecError with each entry that leaves a choice."""
        self.check_unmixed("no lock holds its packages")
        if not self.is_locked:
            raise SpecError.gathered(
                [
                    Problem(each.where, f"{each.name or 'this'} is not locked")
                    for each in self.requirements
                    if not each.is_exact
                ],
                hint="write a lock with `toolkit lock`, and give that with --deps",
            )

    @property
    def needs_git(self) -> bool:
        """Whether the build must have git."""
        return any(each.vcs == "git" for each in self.requirements + self.constraints)

    def context_files(self) -> tuple[ContextFile, ...]:
        """Give what the build context must hold: some lists, and what is below `local/`.

        `requirements.txt` and, if need be, `constraints.txt` are for pip and uv alike;
        `uv-environment.txt` and `uv.toml` have what uv would overlook there, and `locked.txt` says
        that nothing is to be installed besides. The same wishes give the same bytes, wherever
        the files lay and whatever comments they had.
        """
        wanted = [line for each in self.requirements for line in each.lines()]
        limits = [line for each in self.constraints for line in each.lines()]
        lists = {
            _REQUIREMENTS: [*self.options.lines(), *wanted],
            "constraints.txt": sorted(limits),
            "uv-environment.txt": list(self._uv_environment()),
            "locked.txt": ["--no-deps"] if self.locks else [],
            "uv.toml": list(self._uv_settings()),
        }
        return (
            *(
                _list(path, lines)
                for path, lines in lists.items()
                if lines or path == _REQUIREMENTS
            ),
            *self._conda_files(),
            *(file for local in self.local for file in local.files),
        )

    def _conda_files(self) -> Iterator[ContextFile]:
        """What conda's solver is given; the environment always has Python and pip."""
        if self.conda:
            pythons = (f"python {wish.specifier.replace(' ', '')}" for wish in self.pythons)
            wanted = dict.fromkeys((*self.conda, *pythons, "python", "pip"))
            wishes = {"channels": list(self.channels), "packages": list(wanted)}
            yield ContextFile("conda.json", (json.dumps(wishes, indent=1) + "\n").encode())

    def _uv_environment(self) -> Iterator[str]:
        yield from self.options.uv_environment()
        if self.exclude_newer is not None:
            yield f"UV_EXCLUDE_NEWER={self.exclude_newer}"
        if self.locks and self.options.extra_index_urls:
            # Every file has its hash, so it does not matter which index has one of that name.
            yield "UV_INDEX_STRATEGY=unsafe-best-match"

    def _uv_settings(self) -> Iterator[str]:
        """What uv reads in no variable, but where it runs."""
        if self.exclude_newer is not None and self.exempt:
            pairs = [f'"{name}" = {f"{when!r}" if when else "false"}' for name, when in self.exempt]
            yield f"exclude-newer-package = {{ {', '.join(pairs)} }}"

    def index_file(self) -> ContextFile:
        """Give the options that say where packages come from, as a list without packages.

        For what is the same whatever is required, so that a new requirement does not change it.
        """
        places = ("--index-url ", "--extra-index-url ", "--trusted-host ", "--no-index")
        return _list(_REQUIREMENTS, [x for x in self.options.lines() if x.startswith(places)])

    def netrc(self) -> bytes | None:
        """Give the credentials as a netrc file, or None where there are none."""
        return urls.netrc(self.credentials)


def _list(path: str, lines: list[str]) -> ContextFile:
    return ContextFile(path, "".join(f"{line}\n" for line in dict.fromkeys(lines)).encode())
