"""A channel of conda's made on the spot: a Python that is the base's own, pip, and two packages.

No channel can be reached everywhere. The format, the solver and the installer are the real ones.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

from toolkit.context import ContextFile, Tar, pack

_LINK = "-> "


@dataclass(frozen=True, slots=True)
class Package:
    """One package: the files of it, or what a link points to after `-> `."""

    name: str
    version: str
    files: Mapping[str, bytes | str]
    depends: tuple[str, ...] = ()
    noarch: bool = True

    @property
    def subdir(self) -> str:
        return "noarch" if self.noarch else "linux-64"

    @property
    def index(self) -> dict[str, object]:
        kind = {"noarch": "python"} if self.noarch else {}
        return {
            "name": self.name,
            "version": self.version,
            "build": "0",
            "build_number": 0,
            "depends": list(self.depends),
            "subdir": self.subdir,
            "license": "none",
            **kind,
        }

    def packed(self) -> bytes:
        paths = []
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:bz2") as tar:
            for path, content in self.files.items():
                link = isinstance(content, str)
                data = b"" if isinstance(content, str) else content
                entry = tarfile.TarInfo(path)
                if isinstance(content, str):
                    entry.type, entry.linkname = tarfile.SYMTYPE, content.removeprefix(_LINK)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
                kind = "softlink" if link else "hardlink"
                digest = hashlib.sha256(data).hexdigest()
                paths.append(
                    {"_path": path, "path_type": kind, "sha256": digest, "size_in_bytes": len(data)}
                )
            for name, document in (
                ("info/index.json", self.index),
                ("info/paths.json", {"paths_version": 1, "paths": paths}),
            ):
                text = json.dumps(document).encode()
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text))
        return out.getvalue()


@dataclass(slots=True)
class Channel:
    """Files of a channel, by their paths in it."""

    packages: list[Package] = field(default_factory=list)

    def files(self) -> Iterator[tuple[str, bytes]]:
        for subdir in ("noarch", "linux-64"):
            listed = {}
            for package in self.packages:
                if package.subdir == subdir:
                    data = package.packed()
                    name = f"{package.name}-{package.version}-0.tar.bz2"
                    yield f"{subdir}/{name}", data
                    listed[name] = {
                        **package.index,
                        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
                        "sha256": hashlib.sha256(data).hexdigest(),
                        "size": len(data),
                    }
            document = {"info": {"subdir": subdir}, "packages": listed, "packages.conda": {}}
            yield f"{subdir}/repodata.json", json.dumps(document).encode()


def module(name: str, version: str, code: str, *, depends: tuple[str, ...] = ()) -> Package:
    """A package with one module of Python."""
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    info = f"site-packages/{name}-{version}.dist-info"
    files: dict[str, bytes | str] = {
        f"site-packages/{name}/__init__.py": code.encode(),
        f"{info}/METADATA": about.encode(),
        f"{info}/RECORD": f"{name}/__init__.py,,\n".encode(),
        f"{info}/INSTALLER": b"conda",
    }
    return Package(name, version, files, ("python >=3.9", *depends))


def python(version: str) -> Package:
    """The Python that lies at /usr/bin of the base, as far as conda can tell."""
    minor = ".".join(version.split(".")[:2])
    settings = b"home = /usr/bin\ninclude-system-site-packages = false\n"
    files: dict[str, bytes | str] = {
        "pyvenv.cfg": settings,
        "bin/python": f"{_LINK}python3",
        "bin/python3": f"{_LINK}/usr/bin/python{minor}",
    }
    return Package("python", version, files, noarch=False)


def pip(wheel: Path) -> Package:
    """The pip of a wheel."""
    with ZipFile(wheel) as archive:
        files: dict[str, bytes | str] = {
            f"site-packages/{name}": archive.read(name)
            for name in archive.namelist()
            if not name.endswith("/")
        }
    return Package("pip", wheel.name.split("-")[1], files, ("python >=3.9",))


def source_of(base: str, channel: Channel) -> Tar:
    """What builds a base that has the channel at /srv/channel."""
    text = f"FROM {base}\nCOPY channel /srv/channel\n"
    files = [ContextFile(f"channel/{path}", data) for path, data in channel.files()]
    return pack([ContextFile("Dockerfile", text.encode()), *files])
