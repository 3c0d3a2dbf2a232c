"""What doctor found, as one value: the JSON document, the counters, the exit code.

Everything that leaves here goes through `redact`: passwords in addresses are in no report.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from typing import Any, Final, Literal

from toolkit import __version__
from toolkit.doctor import facts
from toolkit.doctor.check import STATUSES, Fix, Result
from toolkit.doctor.world import World
from toolkit.engine import EngineVersion

SCHEMA: Final = 1
"""Raised with every incompatible change of the JSON document."""

_IN_URL: Final = re.compile(r"(?<=://)[^\s'\"]*@")
# `python:3@sha256:…` is a name, not a password.
_BARE: Final = re.compile(r"(?<![\w/.:@*-])[^\s/@:'\"=]+:[^\s/@'\"]+@(?!sha\d+:)")


@dataclass(frozen=True, slots=True)
class Report:
    """All results of one run, and what a bug report needs to know of the surroundings."""

    environment: Mapping[str, Any]
    results: tuple[Result, ...]

    @property
    def counters(self) -> dict[str, int]:
        return {name: sum(result.status == name for result in self.results) for name in STATUSES}

    @property
    def status(self) -> Literal["ok", "warn", "fail"]:
        """The whole; a check that crashed where it counts is no better than a failure."""
        if any(_is_failure(result) for result in self.results):
            return "fail"
        troubled = any(result.status in {"warn", "crash"} for result in self.results)
        return "warn" if troubled else "ok"

    @property
    def commands(self) -> tuple[str, ...]:
        """Give the commands of all fixes, each once, in order."""
        fixes = (result.finding.fix for result in self.results if result.status != "ok")
        return tuple(dict.fromkeys(redact(line) for fix in fixes if fix for line in fix.commands))

    def document(self) -> dict[str, Any]:
        """Give the report as values for JSON, redacted."""
        document = {
            "schema": SCHEMA,
            "tool": {
                "name": "toolkit",
                "version": __version__,
                "docker_py": _docker_py(),
                "python": platform.python_version(),
            },
            "status": self.status,
            "summary": self.counters,
            "environment": dict(self.environment),
            "checks": [_entry(result) for result in self.results],
        }
        return {key: _redacted(value) for key, value in document.items()}


def schema() -> dict[str, Any]:
    """The JSON schema of the document, as it is shipped with the package."""
    text = resources.files("toolkit.doctor").joinpath("report.schema.json").read_text("utf-8")
    return dict(json.loads(text))


def _is_failure(result: Result) -> bool:
    return result.status == "fail" or (result.status == "crash" and result.check.counts)


def _docker_py() -> str | None:
    try:
        return metadata.version("docker")
    except metadata.PackageNotFoundError:
        return None


def _entry(result: Result) -> dict[str, Any]:
    finding = result.finding
    return {
        "id": result.check.id,
        "group": result.check.group,
        "status": result.status,
        "level": result.level,
        "title": result.check.title,
        "summary": finding.summary,
        "why": finding.why,
        "fix": _fix(finding.fix),
        "docs": finding.docs,
        "data": dict(finding.data),
        "duration_ms": round(1000 * result.seconds),
    }


def _fix(fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    return {"text": fix.text, "commands": list(fix.commands), "auto": fix.auto}


def describe(world: World) -> dict[str, Any]:
    """Tell the surroundings from facts that were gathered already; None for the others."""
    chosen, info, image = world.seen("chosen"), world.seen("info"), world.seen("image")
    version = world.seen("version")
    known = info if isinstance(info, Mapping) else {}
    engine = version if isinstance(version, EngineVersion) else None
    seen = image if isinstance(image, facts.ImageSeen) and image.name else None
    return {
        "endpoint": chosen.address if isinstance(chosen, facts.Chosen) else None,
        "origin": chosen.origin if isinstance(chosen, facts.Chosen) else None,
        "operating_system": known.get("OperatingSystem"),
        "engine": engine.version if engine else None,
        "api": engine.api if engine else None,
        "min_api": engine.min_api if engine else None,
        "flavour": engine.flavour if engine else None,
        "storage_driver": known.get("Driver"),
        "cgroup_version": known.get("CgroupVersion"),
        "security_options": known.get("SecurityOptions"),
        "image": seen.name if seen else None,
        "image_digest": (seen.digest or seen.id) if seen else None,
    }


def redact(text: str) -> str:
    """Take logins and passwords out of addresses: `tcp://user:pass@host` → `tcp://***@host`."""
    return _BARE.sub("***@", _IN_URL.sub("***@", text))


def _redacted(value: object) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item) for item in value]
    return value
