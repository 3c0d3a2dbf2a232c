"""What the caches of a build held changes nothing in an image, and no package reaches them."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.docker.packages import write_wheel
from toolkit import builder, context, deps, renderer, resources
from toolkit.builder import BuildOptions, Plan
from toolkit.deps import Dependencies
from toolkit.engine import Engine, buildkit
from toolkit.engine.buildkit import StepLog
from toolkit.reference import ImageReference
from toolkit.spec import ImageSpec

pytestmark = pytest.mark.docker

Tree = Mapping[str, tuple[int, int, str]]

MARKER = "a_package_was_here"
PTH = (
    "import os; [each.touch() for each in"
    " map(__import__('pathlib').Path, ('/run/toolkit/cache/" + MARKER + "',"
    " '/run/toolkit/bytecode/" + MARKER + "', '/opt/venv/" + MARKER + "'))"
    " if each.parent.is_dir()]\n"
)
"""What Python runs whenever it starts with this file among its packages.

Python 3.11 looks names of a comprehension up elsewhere than where this line would import them to.
"""


@dataclass(slots=True)
class Caching:
    """Builds of one folder of wheels, with caches of any name."""

    engine: Engine
    base: str
    name: str
    folder: Path
    cache: Path
    unique: str = field(default_factory=lambda: f"t-{uuid.uuid4().hex[:8]}")

    def tree(self, *wheels: str, name: str = "") -> Tree:
        """Build, with the installing steps run again; what is below /opt/venv.

        Mode, time and hash of each.
        """
        file = self.folder / f"{name}requirements.txt"
        # One from an index: a wheel of the folder is unpacked anew each time.
        lines = ["six==1.17.0", *(f"./{each}-1.0-py3-none-any.whl" for each in wheels)]
        file.write_text("\n".join(lines))
        planned = self._planned(deps.read([file], env={}, root=self.folder), f"{self.name}{name}")
        made = builder.build(
            planned, engine=self.engine, environment=os.environ, options=self._options()
        )
        return dict(_venv(self.engine, made.id))

    def inside(self, command: str) -> list[str]:
        """Run a command beside the folders of all caches; what it prints."""
        dockerfile = self._planned(Dependencies(), self.name).rendered.dockerfile
        caches = set(re.findall(rf"type=cache,id=({self.unique}-[\w.-]+)", dockerfile))
        assert len(caches) == 2
        mounts = " ".join(f"--mount=type=cache,id={each},target=/caches/{each}" for each in caches)
        text = f"FROM {self.base}\nRUN {mounts} : {uuid.uuid4()}; cd /caches; {command}\n"
        lines: list[str] = []
        image = buildkit.build(
            self.engine,
            buildkit.BuildRequest(context.pack([context.ContextFile("Dockerfile", text.encode())])),
            secrets={},
            on_event=lambda event: lines.append(event.line) if isinstance(event, StepLog) else None,
        )
        self.engine.remove_image(image)
        return lines

    def _planned(self, dependencies: Dependencies, name: str) -> Plan:
        """Plan with caches that no other test has."""
        spec = ImageSpec.from_mapping({"base": self.base, "name": name}, dependencies)
        planned = builder.plan(spec, engine=self.engine, options=self._options())
        templates = {
            path: re.sub("id=toolkit-(python|bytecode)", rf"id={self.unique}-\1", text)
            for path, text in resources.templates().items()
        }
        rendered = renderer.render(spec, planned.base, templates)
        again = context.ContextFile("install/again", uuid.uuid4().bytes)
        return replace(planned, rendered=replace(rendered, files=(*rendered.files, again)))

    def _options(self) -> BuildOptions:
        return BuildOptions(self.cache, rebuild=True, verify=False)


def _venv(engine: Engine, image: str) -> Iterator[tuple[str, tuple[int, int, str]]]:
    """Each file of /opt/venv as the layers have it, whiteouts applied by the engine itself."""
    container = engine.create_container({"Image": image, "Cmd": ["sh"]})
    path = f"/containers/{container}/archive"
    try:
        with (
            engine.open("GET", path, doing="reading", params={"path": "/opt/venv"}) as answer,
            tempfile.TemporaryFile() as file,
        ):
            file.writelines(answer.chunks())
            file.seek(0)
            with tarfile.open(fileobj=file) as tar:
                for member in tar:
                    content = tar.extractfile(member) if member.isreg() else None
                    said = content.read() if content else member.linkname.encode()
                    digest = hashlib.sha256(said).hexdigest()
                    yield member.name, (member.mode, int(member.mtime), digest)
    finally:
        engine.remove_container(container)


@pytest.fixture
def caching(tmp_path: Path, first_engine: Engine, base_image: str, name: str) -> Caching:
    for wheel in ("tk_one", "tk_two", "tk_three"):
        files = {f"{wheel}/m{n}.py": f"X = {{'{wheel}', {n}, {n}.5}}\n" for n in range(60)}
        write_wheel(tmp_path, wheel, {f"{wheel}/__init__.py": "", f"{wheel}.pth": PTH, **files})
    return Caching(first_engine, base_image, name, tmp_path, tmp_path / "cache")


def test_an_image_is_the_same_whatever_the_caches_held(caching: Caching) -> None:
    """File by file, with modes and times: cold, warm, with another set's, and with rubbish.

    Two builds at once, on the same cold caches, disturb neither each other nor that.
    """
    with ThreadPoolExecutor() as pool:
        both = [
            pool.submit(caching.tree, *wheels, name=name)
            for name, wheels in (("-a", ("tk_one", "tk_two")), ("-b", ("tk_two", "tk_three")))
        ]
        expected, other = (each.result() for each in both)
    assert sum(path.endswith(".pyc") and "tk_" in path for path in expected) == 122
    assert caching.tree("tk_one", "tk_two", name="-a") == expected
    caching.inside("for f in $(find *-bytecode* -type f); do echo rubbish > $f; done")
    caching.inside("for f in $(find *-python/uv/archive* -name six.py); do echo rubbish > $f; done")
    caching.inside("for d in $(find *-python/uv/archive* -name six.py); do echo > $d.pth; done")
    assert caching.tree("tk_two", "tk_three", name="-b") == other
    assert caching.inside(f"find . -name {MARKER}") == []
    assert f"venv/{MARKER}" not in expected
    assert caching.inside("find *-bytecode* -type f | head -1") != []


@pytest.mark.parametrize(
    "setting",
    [
        "ENV UV_COMPILE_BYTECODE=1",
        r"RUN mkdir /etc/uv && printf '[pip]\ncompile-bytecode = true\n' > /etc/uv/uv.toml",
        "ENV PATH=/opt/venv/bin:$PATH",
    ],
    ids=["variable", "file", "path"],
)
def test_no_setting_of_a_base_lets_a_package_reach_the_caches(
    caching: Caching, setting: str
) -> None:
    """Uv would start the environment's Python to compile; a shell would find a package's `sed`."""
    reach = "".join(f"touch {each}/{MARKER}\n" for each in ("/run/toolkit/cache", "/opt/venv"))
    files = {"tk_tool-1.0.data/scripts/sed": f'#!/bin/sh\n{reach}exec /bin/sed "$@"\n'}
    write_wheel(caching.folder, "tk_tool", files)
    asked = caching.base
    text = f"FROM {asked}\n{setting}\nRUN python3 -m venv --without-pip /opt/venv\n"
    text += "RUN touch /opt/venv/lib/of_the_base.py\n"
    tag = ImageReference.parse(f"toolkit/{caching.name}:base")
    packed = context.pack([context.ContextFile("Dockerfile", text.encode())])
    buildkit.build(caching.engine, buildkit.BuildRequest(packed, tags=(tag,)))
    try:
        made = replace(caching, base=str(tag)).tree("tk_one", "tk_tool")
        assert any(path.endswith("tk_one.pth") for path in made)
        assert "venv/lib/of_the_base.py" not in made
        assert f"venv/{MARKER}" not in made
        assert replace(caching, base=str(tag)).inside(f"find . -name {MARKER}") == []
    finally:
        caching.engine.remove_image(str(tag))
