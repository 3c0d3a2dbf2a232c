"""Judgement on the configured image: is it here, and is it one for this engine."""

from __future__ import annotations

import shlex

from toolkit.doctor.check import Finding, Fix
from toolkit.doctor.facts import ImageSeen


def present(seen: ImageSeen) -> Finding:
    """image.present."""
    if seen.name is None:
        return Finding("no image was asked for; name one with --image", skipped=True)
    name = shlex.quote(seen.name)
    data = {"name": seen.name, "id": seen.id, "platform": seen.platform, "size": seen.size}
    if seen.error is not None:
        return Finding(
            seen.error,
            problem="warn",
            why=f"{seen.error}.",
            fix=Fix("correct the name of the image"),
            data=data,
        )
    if seen.id is None:
        return Finding(
            f"{seen.name} is not on this engine",
            problem="warn",
            why=f"The engine has no image {seen.name}, and doctor pulls nothing.",
            fix=_obtain(seen.name, name),
            data=data,
        )
    if seen.platform != seen.engine:
        return Finding(
            f"{seen.name} is for {seen.platform}, the engine runs {seen.engine}",
            problem="error",
            why=f"{seen.name} ({seen.id}) is for {seen.platform}; on {seen.engine} it runs under "
            "emulation or not at all.",
            fix=Fix("get it for this engine", (f"docker pull --platform {seen.engine} {name}",)),
            data=data,
        )
    return Finding(
        f"{seen.name}, {seen.size / 1e6:.0f} MB, made {seen.created[:10]}",
        data={**data, "created": seen.created, "digest": seen.digest},
    )


def _obtain(written: str, quoted: str) -> Fix:
    if written.startswith("toolkit/base:"):
        return Fix("make the base image", ("toolkit base-image",))
    if written.startswith("toolkit/"):
        return Fix("build it", ("toolkit build-image --deps requirements.txt",))
    return Fix("pull it", (f"docker pull {quoted}",))
