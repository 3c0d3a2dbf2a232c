"""The machine for which a lock is read: a base image's Python, platform and C library.

Hides the environment of markers and the tags of wheels for a machine that is not this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from packaging.markers import Environment, Marker, UndefinedEnvironmentName
from packaging.tags import Tag, compatible_tags, cpython_tags

_MACHINES: Final = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "arm": "armv7l",
    "386": "i686",
}
_OLD_NAMES: Final = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_OLDEST: Final = {"x86_64": 5, "i686": 5}  # of manylinux, by glibc's minor version; else 17


@dataclass(frozen=True, slots=True)
class Target:
    """`python` is a whole version (`3.11.2`), `platform` Docker's (`linux/arm64/v8`).

    `libc` is its C library, such as `glibc 2.36` or `musl 1.2`.
    """

    python: str
    platform: str
    libc: str = "glibc 2.36"

    @property
    def machine(self) -> str:
        """The machine as Python calls it."""
        name = self.platform.split("/")[1]
        return _MACHINES.get(name, name)

    def environment(self) -> Environment:
        """What markers are evaluated with. The kernel's own version is nobody's business."""
        return Environment(
            implementation_name="cpython",
            implementation_version=self.python,
            os_name="posix",
            platform_machine=self.machine,
            platform_release="",
            platform_system="Linux",
            platform_version="",
            python_full_version=self.python,
            platform_python_implementation="CPython",
            python_version=".".join(self.python.split(".")[:2]),
            sys_platform="linux",
        )

    def holds(self, marker: Marker | str | None, extras: Iterable[str] = ()) -> bool:
        """Whether a marker holds, with one of these extras; none always does. Raises ValueError.

        That is so where it compares what cannot be compared, or numbers of too many digits.
        """
        if not marker:
            return True
        marker = Marker(marker) if isinstance(marker, str) else marker
        variables = {key: str(value) for key, value in self.environment().items()}
        wanted = tuple(extras) or ("",)
        try:
            return any(marker.evaluate({**variables, "extra": one}) for one in wanted)
        except UndefinedEnvironmentName as error:  # of another kind of lock
            raise ValueError(str(error)) from error

    def tags(self) -> tuple[Tag, ...]:
        """The wheels that fit, the best first."""
        major, minor = (int(part) for part in self.python.split(".")[:2])
        platforms = list(self._platforms())
        interpreter = f"cp{major}{minor}"
        return (
            *cpython_tags((major, minor), abis=[interpreter], platforms=platforms),
            *compatible_tags((major, minor), interpreter=interpreter, platforms=platforms),
        )

    def _platforms(self) -> Iterator[str]:
        name, _, version = self.libc.partition(" ")
        newest = int(version.split(".")[1])
        if name == "musl":
            yield from (f"musllinux_1_{each}_{self.machine}" for each in range(newest, -1, -1))
        else:
            for each in range(newest, _OLDEST.get(self.machine, 17) - 1, -1):
                yield f"manylinux_2_{each}_{self.machine}"
                if each in _OLD_NAMES:
                    yield f"{_OLD_NAMES[each]}_{self.machine}"
        yield f"linux_{self.machine}"
