"""Every wish that an image.toml or a command line can have: one table.

What is read, the JSON Schema and the comments of `toolkit init` are made of it, so that a wish
which is not here is accepted nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from toolkit.deps.debian import PACKAGE
from toolkit.deps.selection import newest
from toolkit.reference import ImageReference
from toolkit.spec import grammar
from toolkit.spec.kinds import Checks, Files, Kind, Many, Pairs, Paths, Place, TemplateFile, Text


@dataclass(frozen=True, slots=True)
class Field:
    """One key: what it holds, a sentence about it, and an example as TOML has it."""

    key: str
    kind: Kind
    about: str
    example: Any

    @property
    def is_table(self) -> bool:
        return isinstance(self.kind, Files | Pairs)


SOURCES: Final = (
    Field("deps", Paths(), "Files that say what is installed.", ["requirements.txt"]),
    Field("packages", Many(Text(grammar.line)), "Packages besides.", ["pandas>=2"]),
    Field("extras", Many(Text(grammar.line)), "Extras of the project in `deps`.", ["plots"]),
    Field("groups", Many(Text(grammar.line)), "Dependency groups of it.", ["test"]),
    Field(
        "index",
        Text(grammar.index),
        "The package index, in place of PyPI and of what the files say.",
        "https://pypi.example/simple",
    ),
    Field("exclude-newer", Text(newest), "Overlook what was uploaded later.", "2026-01-31"),
    Field(
        "lock",
        Place(),
        "The lock of all that, by `toolkit lock --spec`: what it has is installed, exactly.",
        "pylock.toml",
    ),
)
"""What the dependencies are read from."""

FIELDS: Final = (
    Field(
        "name",
        Text(grammar.name, grammar.NAME),
        "The image's name: toolkit/NAME:…; by default env.",
        "analysis",
    ),
    Field(
        "description",
        Text(grammar.line),
        "A sentence about the image, for its label and the catalogue.",
        "What the analysts of the red team use",
    ),
    Field("base", Text(ImageReference.parse), "The base image.", "python:3.12-slim"),
    Field(
        "python",
        Text(grammar.python, grammar.PYTHON),
        "The Python that the base must have.",
        "3.12",
    ),
    Field(
        "platform",
        Text(grammar.platform, grammar.PLATFORM),
        "The platform that the base must have.",
        "linux/amd64",
    ),
    Field(
        "apt",
        Many(Text(grammar.package, PACKAGE)),
        "Debian packages that the image needs.",
        ["libgl1"],
    ),
    Field(
        "apt-build",
        Many(Text(grammar.package, PACKAGE)),
        "Debian packages for the build alone: a compiler, headers.",
        ["build-essential"],
    ),
    Field(
        "apk",
        Many(Text(grammar.apk, grammar.APK)),
        "Alpine packages that the image needs, where its base is of Alpine's family.",
        ["mesa-gl"],
    ),
    Field(
        "apk-build",
        Many(Text(grammar.apk, grammar.APK)),
        "Alpine packages for the build alone.",
        ["build-base"],
    ),
    Field(
        "rpm",
        Many(Text(grammar.rpm, grammar.RPM)),
        "RPM packages that the image needs, where its base is of Fedora's or Red Hat's family.",
        ["mesa-libGL"],
    ),
    Field(
        "rpm-build",
        Many(Text(grammar.rpm, grammar.RPM)),
        "RPM packages for the build alone.",
        ["gcc"],
    ),
    Field("tags", Many(Text(grammar.tag)), "Other names for the image.", ["registry.example/a:1"]),
    Field(
        "excused",
        Many(Text(grammar.module, grammar.MODULE), sorted),
        "Modules whose failing import does not matter.",
        ["tkinter"],
    ),
    Field(
        "preload",
        Many(Text(grammar.module, grammar.MODULE)),
        "Modules that are imported once, before the first block of Python, for all of them.",
        ["pandas"],
    ),
    Field(
        "user",
        Text(grammar.user, grammar.USER),
        "Whom the image's programs run as, in numbers; by default as in the base.",
        "1000:1000",
    ),
    Field(
        "workdir",
        Text(grammar.path, grammar.PATH),
        "The folder in which `docker run` starts them; blocks of code start in /workspace.",
        "/srv/app",
    ),
    Field(
        "secrets",
        Many(Text(grammar.secret, grammar.SECRET)),
        "Secrets without which it is not built: give them with --secret.",
        ["pip.conf"],
    ),
    Field(
        "template",
        TemplateFile(),
        "A Dockerfile template of your own, which extends python.Dockerfile.j2.",
        "image.Dockerfile.j2",
    ),
    Field(
        "verify",
        Checks(),
        "Commands, and scripts in .py or .sh, that must succeed in the image, without network.",
        ["python --version", {"file": "verify.py"}],
    ),
    Field(
        "environment",
        Pairs(Text(grammar.variable, grammar.VARIABLE)),
        "Environment variables of the image.",
        {"TZ": "UTC"},
    ),
    Field(
        "labels",
        Pairs(Text(grammar.label, grammar.LABEL)),
        "Labels of the image.",
        {"com.example.team": "red"},
    ),
    Field(
        "files",
        Files(),
        "Files that are put into the image: its path there, and the file beside this one.",
        {"/etc/motd": "motd", "/usr/local/bin/tool": {"source": "tool.sh", "mode": "0755"}},
    ),
)
"""What an `ImageSpec` holds beside its dependencies; the tables last, as TOML wants it."""

ALL: Final[Mapping[str, Field]] = {field.key: field for field in (*SOURCES, *FIELDS)}
