"""What is installed in a virtual environment, from its files: pure.

Hides the records that installers leave (METADATA, RECORD, WHEEL, direct_url.json; the lock), and
which of a lock's several files is the one that was installed.
"""

from __future__ import annotations

import csv
import json
import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from packaging.metadata import RawMetadata, parse_email
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

_RECORDS: Final = frozenset({"METADATA", "RECORD", "WHEEL", "direct_url.json"})
_LOCK: Final = "pylock.toml"
_CONFIGURATION: Final = "pyvenv.cfg"
_INFO: Final = ".dist-info"
_BYTECODE: Final = re.compile(
    r"(?P<folder>.*/)?__pycache__/(?P<stem>[^/]+?)\.[^/.]+(?:\.opt-\d)?\.pyc"
)
_VERSION: Final = re.compile(r"^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", re.MULTILINE)
_LONGEST_LICENCE: Final = 100
_APPROVED: Final = "License :: "


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution. `size` is in bytes, with the bytecode of its modules.

    `licences` are as its author wrote them. `sha256` is that of the wheel or archive that was
    installed, `source` the repository or URL it came from; both are empty where nobody knows.
    """

    name: str
    version: str
    size: int
    licences: tuple[str, ...] = ()
    sha256: str = ""
    source: str = ""


@dataclass(slots=True)
class Venv:
    """A virtual environment whose files are told one by one, in any order; paths are its own."""

    size: int = 0
    _sizes: dict[str, int] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def wants(path: str) -> bool:
        """Whether the content of a file is needed; of all others only the size is."""
        folder, _, name = path.rpartition("/")
        return name in {_LOCK, _CONFIGURATION} or (folder.endswith(_INFO) and name in _RECORDS)

    def add(self, path: str, size: int, content: bytes) -> None:
        self.size += size
        self._sizes[path] = size
        if content:
            self._texts[path] = content.decode("utf-8", "replace")

    @property
    def python(self) -> str:
        """The interpreter's version, such as `3.11.2`, or nothing."""
        found = _VERSION.search(self._texts.get(_CONFIGURATION, ""))
        return found[1] if found else ""

    @property
    def installer(self) -> str:
        """The tool that made the lock, or nothing."""
        return str(self._lock().get("created-by") or "")

    @property
    def lock(self) -> str:
        """The record of what was installed, as it is in the image, or nothing."""
        return self._texts.get(_LOCK, "")

    def distributions(self) -> tuple[Distribution, ...]:
        """What is installed, the largest first."""
        folders = sorted(
            path.rpartition("/")[0] for path in self._texts if path.endswith(f"{_INFO}/METADATA")
        )
        owners = {path: folder for folder in folders for path in self._files(folder)}
        sizes = dict.fromkeys(folders, 0)
        for path, size in self._sizes.items():
            owner = owners.get(path) or owners.get(_module(path))
            if owner is not None:
                sizes[owner] += size
        locked = self._locked()
        found = (self._distribution(folder, sizes[folder], locked) for folder in folders)
        return tuple(sorted(found, key=lambda each: (-each.size, each.name)))

    def _files(self, folder: str) -> Iterator[str]:
        site = posixpath.dirname(folder)
        for row in csv.reader(self._texts.get(f"{folder}/RECORD", "").splitlines()):
            if row:
                yield posixpath.normpath(posixpath.join(site, row[0]))

    def _distribution(
        self, folder: str, size: int, locked: Mapping[str, Mapping[str, Any]]
    ) -> Distribution:
        raw, _ = parse_email(self._texts[f"{folder}/METADATA"])
        stem = posixpath.basename(folder).removesuffix(_INFO)
        name = raw.get("name") or stem.partition("-")[0]
        version = raw.get("version") or stem.rpartition("-")[2]
        entry = locked.get(canonicalize_name(name), {})
        if entry.get("version", version) != version:
            entry = {}
        return Distribution(
            name=name,
            version=version,
            size=size,
            licences=licences(raw),
            sha256=_hash(entry, _tags(self._texts.get(f"{folder}/WHEEL", ""))),
            source=_source(entry, self._texts.get(f"{folder}/direct_url.json", "")),
        )

    def _lock(self) -> Mapping[str, Any]:
        try:
            return tomllib.loads(self._texts.get(_LOCK, ""))
        except tomllib.TOMLDecodeError:
            return {}

    def _locked(self) -> Mapping[str, Mapping[str, Any]]:
        packages = self._lock().get("packages")
        return {
            canonicalize_name(str(entry.get("name"))): entry
            for entry in (packages if isinstance(packages, list) else ())
            if isinstance(entry, dict)
        }


def licences(raw: RawMetadata) -> tuple[str, ...]:
    """Give the SPDX expression, else a short text of the author's, else the classifiers."""
    if expression := raw.get("license_expression"):
        return (expression,)
    text = " ".join((raw.get("license") or "").split())
    if 0 < len(text) <= _LONGEST_LICENCE and text.upper() != "UNKNOWN":
        return (text,)
    return tuple(
        each.rpartition(" :: ")[2]
        for each in raw.get("classifiers") or ()
        if each.startswith(_APPROVED) and each != "License :: OSI Approved"
    )


def _module(path: str) -> str:
    """The source of a file of bytecode: `a/__pycache__/b.cpython-311.pyc` is of `a/b.py`."""
    found = _BYTECODE.fullmatch(path)
    return f"{found['folder'] or ''}{found['stem']}.py" if found else ""


def _tags(wheel: str) -> frozenset[str]:
    return frozenset(re.findall(r"^Tag:\s*(\S+)", wheel, re.MULTILINE))


def _hash(entry: Mapping[str, Any], tags: frozenset[str]) -> str:
    """The digest of the only file of a lock's entry that can have been installed, or nothing."""
    wheels = [each for each in _tables(entry.get("wheels")) if _wheel_tags(each) & tags]
    files = wheels or ([] if entry.get("wheels") else _tables([entry.get("sdist")]))
    files = files or _tables([entry.get("archive")])
    found = {str((each.get("hashes") or {}).get("sha256") or "") for each in files}
    return found.pop() if len(found) == 1 else ""


def _wheel_tags(wheel: Mapping[str, Any]) -> frozenset[str]:
    name = str(wheel.get("name") or wheel.get("path") or wheel.get("url") or "")
    try:
        _, _, _, tags = parse_wheel_filename(name.rpartition("/")[2].partition("#")[0])
    except InvalidWheelFilename:
        return frozenset()
    return frozenset(map(str, tags))


def _tables(values: object) -> Sequence[Mapping[str, Any]]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _source(entry: Mapping[str, Any], direct: str) -> str:
    """Where it came from, if not from an index: as the lock says, else as pip has recorded."""
    vcs, archive = entry.get("vcs"), entry.get("archive")
    if isinstance(vcs, dict):
        return f"{vcs.get('type', 'git')}+{vcs.get('url', '')}@{vcs.get('commit-id', '')}"
    if isinstance(archive, dict):
        return str(archive.get("url") or "")
    try:
        url = str(json.loads(direct or "{}").get("url") or "")
    except (ValueError, AttributeError):
        return ""
    # A path of the build says nothing to anybody.
    return "" if url.startswith("file:") else url
