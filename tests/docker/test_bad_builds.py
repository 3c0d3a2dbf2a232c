"""Builds that meet: with a session that dies, with the same build of somebody else, with many."""

from __future__ import annotations

import contextlib
import io
import tarfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docker.conftest import Cli, images_of
from tests.docker.relay import Relay
from toolkit import builder, deps
from toolkit.builder import BuildOptions, Event, Plan, Said
from toolkit.engine import Engine, connect
from toolkit.engine.buildkit import BuildEvent, BuildRequest, StepCompleted, StepStarted, build
from toolkit.errors import EngineUnreachableError
from toolkit.image import Image
from toolkit.spec import ImageSpec

pytestmark = pytest.mark.docker

LABEL, VALUE = "toolkit-test-meeting", uuid.uuid4().hex
MANY = 20


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The engine; the images that these tests made are removed, and nothing else is touched."""
    with connect() as found:
        yield found
        for image in found.list_images(f"{LABEL}={VALUE}"):
            found.remove_image(image["Id"], force=True)
        assert found.list_images(f"{LABEL}={VALUE}") == []


def request(dockerfile: str) -> BuildRequest:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile.encode())
        tar.addfile(entry, io.BytesIO(dockerfile.encode()))
    return BuildRequest(packed.getvalue(), labels={LABEL: VALUE})


def until(holds: Callable[[], bool], *, seconds: float = 60) -> bool:
    limit = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def runs(seconds: str) -> bool:
    """Whether a `sleep` of so many seconds runs anywhere on this machine."""
    wanted = f"sleep\0{seconds}\0".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == wanted:
                return True
    return False


def test_a_session_that_is_lost_ends_the_build(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    """Its step needs nothing of it now, but may have ten minutes to go until the next one does."""
    seconds = f"600.{uuid.uuid4().int % 10**9:09}"
    threads = set(threading.enumerate())
    with Relay.before(engine, tmp_path) as (relay, through):

        def listen(event: BuildEvent) -> None:
            if isinstance(event, StepStarted) and seconds in event.name:
                assert until(lambda: runs(seconds))
                relay.cut_only(b"POST /session ")

        asked = request(f"FROM {base_image}\nRUN sleep {seconds}\n")
        with pytest.raises(EngineUnreachableError) as caught:
            build(through, asked, secrets={}, on_event=listen)
        assert str(caught.value) == (
            f"the Docker engine at {through.endpoint} closed the connection while building an image"
        )
        assert caught.value.hint is not None
        through.ping()
    assert until(lambda: not runs(seconds))
    assert until(lambda: set(threading.enumerate()) <= threads)


# The same, by several users: each has a lock of its own.


@dataclass(frozen=True, slots=True)
class Users:
    """People who build the same image, each with a cache, and so a lock, of its own."""

    engine: Engine
    plan: Plan
    folder: Path

    def build(self, user: str, listener: Callable[[Event], None], *, verify: bool = True) -> Image:
        options = BuildOptions(self.folder / user, verify=verify)
        return builder.build(
            self.plan, engine=self.engine, environment={}, options=options, listener=listener
        )

    def there(self) -> list[str]:
        """The ids of the images that there are of it, named or not."""
        return images_of(self.engine, self.plan.spec.name)


@pytest.fixture
def users(cli: Cli, name: str, base_image: str, first_engine: Engine, tmp_path: Path) -> Users:
    cli.write(cli.wheel("tk_shared"))
    dependencies = deps.read([cli.folder / "requirements.txt"], env={})
    spec = ImageSpec.from_mapping({"name": name, "base": base_image}, dependencies)
    options = BuildOptions(tmp_path / "cache")
    plan = builder.plan(spec, engine=first_engine, options=options)
    return Users(first_engine, plan, tmp_path)


def ignore(_event: Event) -> None:
    return


def test_of_two_who_build_at_once_the_first_gives_the_image(users: Users) -> None:
    """Their images differ, for one is verified; it stays, and it is what both are told of."""
    firsts: list[Image] = []

    def listen(event: Event) -> None:
        if isinstance(event, StepCompleted) and "exporting" in event.name and not firsts:
            firsts.append(users.build("first", ignore))

    second = users.build("second", listen, verify=False)
    assert [first.id for first in firsts] == [second.id] == users.there()


def test_an_image_that_another_build_removes_is_built_once_more(users: Users) -> None:
    """It is the same image as long as it has no name, and the other was interrupted."""
    said: list[str] = []

    def interrupt(event: Event) -> None:
        if isinstance(event, Said) and event.text.startswith("verifying"):
            raise KeyboardInterrupt

    def listen(event: Event) -> None:
        if isinstance(event, Said):
            said.append(event.text)
            if [text.split()[0] for text in said] == ["building", "verifying"]:
                with pytest.raises(KeyboardInterrupt):
                    users.build("interrupted", interrupt)
                assert users.there() == []

    image = users.build("patient", listen)
    again = "building once more: another build of the same has removed the image"
    assert said.count(again) == 1
    assert users.there() == [image.id]


# Many.


def descriptors() -> set[str]:
    """What is open, by what the kernel calls it: a number may be another one's afterwards."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the listing's own
            found.add(str(path.readlink()))
    return found


def test_twenty_different_builds_at_once(engine: Engine, base_image: str) -> None:
    """By threads of one client: all of them succeed, and no thread, socket or session is left."""
    engine.ping()
    threads, open_before = set(threading.enumerate()), descriptors()
    asked = [
        request(
            f"FROM {base_image}\nRUN --mount=type=secret,id=pw,required=true"
            f" cp /run/secrets/pw /number; echo {uuid.uuid4().hex}\n"
        )
        for _ in range(MANY)
    ]

    def one(number: int) -> str:
        try:
            return build(engine, asked[number], secrets={"pw": str(number).encode()})
        finally:
            engine.release()

    with ThreadPoolExecutor(MANY) as pool:
        images = list(pool.map(one, range(MANY)))
    assert len(set(images)) == MANY
    assert set(threading.enumerate()) == threads
    assert descriptors() - open_before == set()  # what others left may have gone meanwhile
