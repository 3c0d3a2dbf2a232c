"""What is to be built, as one value, and how that is said to `POST /build`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One build; `dockerfile` is a path in `context`, a tar. The image gets no tag.

    A context in pieces must give them anew each time it is gone through.
    """

    context: bytes | Iterable[bytes] = field(repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    platform: str | None = None
    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool = False
    dockerfile: str = "Dockerfile"

    def query(self, session: str) -> dict[str, str]:
        """Return the parameters of `POST /build` for the session of that id."""
        asked = {
            "version": "2",
            "session": session,
            "dockerfile": self.dockerfile,
            "labels": json.dumps(dict(self.labels)) if self.labels else "",
            "buildargs": json.dumps(dict(self.build_args)) if self.build_args else "",
            "platform": self.platform or "",
            "target": self.target or "",
            "nocache": "1" if self.no_cache else "",
        }
        return {name: value for name, value in asked.items() if value}
