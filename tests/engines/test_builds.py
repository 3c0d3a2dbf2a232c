"""Builds, on every engine: the same request comes to the same image, or fails in the same words."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tarfile
import time
import uuid
from pathlib import Path

import pytest

from tests.docker.conftest import Cli
from tests.docker.debian import source_of
from tests.engines.nested import Nested
from toolkit import labels
from toolkit.engine import Engine
from toolkit.engine.buildkit import (
    BuildEvent,
    BuildRequest,
    StepCompleted,
    StepFailed,
    StepLog,
    StepStarted,
    build,
)
from toolkit.errors import BuildError
from toolkit.reference import ImageReference

pytestmark = pytest.mark.docker

NOBODY = "172.31.252.77:5000"
"""An address in the engine's own network that nobody has."""


def request(dockerfile: str, *, target: str | None = None, **files: str) -> BuildRequest:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in {"Dockerfile": dockerfile, **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return BuildRequest(packed.getvalue(), target=target, labels={"made": "here"})


def fresh() -> str:
    """A text that no cache has seen."""
    return uuid.uuid4().hex


def everything(engine: Engine, image: str) -> bytes:
    """All that the engine keeps of an image, unpacked."""
    with engine.open("GET", f"/images/{image}/get", doing="saving an image") as answer:
        saved = io.BytesIO(b"".join(answer.chunks()))
    kept = [json.dumps(engine.inspect_image(image)).encode()]
    with tarfile.open(fileobj=saved) as tar:
        for member in filter(tarfile.TarInfo.isreg, tar.getmembers()):
            file = tar.extractfile(member)
            assert file is not None
            content = file.read()
            kept.append(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    return b"\n".join(kept)


def named(engine: Engine, name: str) -> list[str]:
    """The images of ours that have a name; Podman lists its cache, too, which has our labels."""
    listed = engine.list_images(f"{labels.NAME}={name}")
    tagged = [entry for entry in listed if set(entry.get("RepoTags") or ()) - {"<none>:<none>"}]
    return [str(entry["Id"]) for entry in tagged]


def test_a_requirements_file_becomes_a_verified_image_and_is_reused(
    nest: Nested, cli: Cli, engine: Engine
) -> None:
    """From a local wheel and with the secrets of this environment; listed as ours."""
    name = f"t-{fresh()[:8]}"
    cli.write(cli.wheel("tk_plain", {"tk_plain/__init__.py": f"VALUE = '{fresh()}'\n"}))
    command = ("build-image", "--deps", "requirements.txt", "--name", name)
    first = cli(*command)
    assert first.code == 0, first.stderr
    assert "Verifying" in first.stderr
    assert first.stdout.startswith(f"toolkit/{name}:")
    second = cli(*command)
    assert second.stdout == first.stdout
    assert second.stderr == f"Reused {first.stdout.strip()}: nothing to do\n"
    found = engine.inspect_image(first.stdout.strip())
    assert found is not None
    assert named(engine, name) == [found["Id"]]
    assert found["RepoTags"] == [f"{nest.kind.registry}{first.stdout.strip()}"]
    shown = json.loads(cli("images", "--json").stdout)["images"]
    assert [each["references"] for each in shown if each["name"] == name] == [found["RepoTags"]]
    ran = cli("run", "--image", first.stdout.strip(), "-c", "import tk_plain; print('it runs')")
    assert ran.stdout == "it runs\n", ran.stderr


def test_a_changed_file_is_installed_and_never_the_one_before(cli: Cli) -> None:
    """Podman 4 takes a step from its cache whatever the folder holds that is mounted for it."""
    name = f"t-{fresh()[:8]}"
    command = ("build-image", "--deps", "requirements.txt", "--name", name)
    for value in (fresh(), fresh()):
        cli.write(cli.wheel("tk_plain", {"tk_plain/__init__.py": f"VALUE = '{value}'\n"}))
        made = cli(*command)
        assert made.code == 0, made.stderr
        image = made.stdout.strip()
        ran = cli("run", "--image", image, "-c", "import tk_plain; print(tk_plain.VALUE)")
        assert ran.stdout == f"{value}\n", ran.stderr


def test_a_debian_package_is_installed_with_what_another_stage_has_fetched(
    cli: Cli, engine: Engine, base: str
) -> None:
    """Its archive is in a folder that is mounted for writing, and in no layer."""
    name = f"t-{fresh()[:8]}"
    tag = ImageReference.parse(f"toolkit/{name}:source")
    engine.tag_image(build(engine, BuildRequest(source_of(base, "words"))), tag)
    cli.write(cli.wheel("tk_plain"))
    command = ("build-image", "--deps", "requirements.txt", "--name", name, "--base", str(tag))
    made = cli(*command, "--apt", "tk-word")
    assert made.code == 0, made.stderr
    look = "cat /usr/share/tk/word; find /run/toolkit /var/cache/apt /opt/toolkit -name '*.deb'"
    code = f"import subprocess; subprocess.run({look!r}, shell=True)"
    ran = cli("run", "--image", made.stdout.strip(), "-c", code)
    assert ran.stdout == "words\n", ran.stderr


def test_what_does_not_import_gets_no_name(cli: Cli, engine: Engine) -> None:
    name = f"t-{fresh()[:8]}"
    cli.write(cli.wheel("tk_broken", {"tk_broken/__init__.py": "import nowhere_to_be_found\n"}))
    made = cli("build-image", "--deps", "requirements.txt", "--name", name)
    assert made.code != 0
    assert "nowhere_to_be_found" in made.stderr
    assert named(engine, name) == []


def test_a_failing_requirement_is_told_with_its_line(cli: Cli) -> None:
    cli.write("", "tk-does-not-exist-anywhere==1.0")
    made = cli("build-image", "--deps", "requirements.txt", "--name", f"t-{fresh()[:8]}")
    assert made.code != 0
    assert "requirements.txt:2" in made.error


def test_a_secret_is_used_and_leaves_no_trace(engine: Engine, base: str) -> None:
    secret = f"hunter-{fresh()}"
    events: list[BuildEvent] = []
    asked = request(
        f"FROM {base}\n"
        "RUN --mount=type=secret,id=pw,required=true"
        f" cat /run/secrets/pw; wc -c </run/secrets/pw >/size; echo {fresh()}\n"
        "COPY . /context\n",
        other="kept",
    )
    image = build(engine, asked, secrets={"pw": secret.encode()}, on_event=events.append)
    logs = [event.line for event in events if isinstance(event, StepLog)]
    assert any(line.startswith("***") for line in logs)
    assert secret not in repr(events)
    kept = everything(engine, image)
    assert b"kept" in kept
    assert secret.encode() not in kept


def test_a_secret_of_many_lines_arrives_whole(engine: Engine, base: str) -> None:
    value = b"a 'line'\n\0\xff\n" * 1000
    lines: list[str] = []
    build(
        engine,
        request(
            f"FROM {base}\nRUN --mount=type=secret,id=big,required=true"
            f" wc -c </run/secrets/big; echo {fresh()}\n"
        ),
        secrets={"big": value},
        on_event=lambda event: lines.append(event.line) if isinstance(event, StepLog) else None,
    )
    assert lines[0].strip() == str(len(value))


def test_an_optional_secret_that_is_missing_is_absent(engine: Engine, base: str) -> None:
    dockerfile = (
        f"FROM {base}\nRUN --mount=type=secret,id=pw test ! -e /run/secrets/pw; echo {fresh()}\n"
    )
    assert build(engine, request(dockerfile), secrets={}).startswith("sha256:")


def test_a_required_secret_that_is_missing_is_named(engine: Engine, base: str) -> None:
    asked = request(f"FROM {base}\nRUN --mount=type=secret,id=pw,required=true echo {fresh()}\n")
    with pytest.raises(BuildError) as caught:
        build(engine, asked, secrets={})
    assert str(caught.value).endswith(": the build secret `pw` is required and was not given")


def test_labels_arguments_and_target_reach_the_build(engine: Engine, base: str) -> None:
    asked = BuildRequest(
        request(
            "",
            **{"sub/My.Dockerfile": f"FROM {base} AS one\nARG A\nENV B=$A\nFROM one\nENV B=no\n"},
        ).context,
        labels={"odd": 'quote " and \\ backslash'},
        build_args={"A": "b c"},
        target="one",
        dockerfile="sub/My.Dockerfile",
    )
    image = engine.inspect_image(build(engine, asked, secrets={}))
    assert image is not None
    assert "B=b c" in image["Config"]["Env"]
    assert image["Config"]["Labels"]["odd"] == 'quote " and \\ backslash'
    assert not image["RepoTags"]


def test_a_label_of_two_lines_is_kept_or_refused(nest: Nested, engine: Engine, base: str) -> None:
    plain = request(f"FROM {base}\nRUN true\n")
    asked = BuildRequest(plain.context, labels={"odd": "$HOME\nend"})
    if not nest.kind.any_label:
        with pytest.raises(BuildError) as caught:
            build(engine, asked, secrets={})
        assert str(caught.value) == (
            "the label 'odd' has a value that Podman would change: '$HOME\\nend'"
        )
        return
    image = engine.inspect_image(build(engine, asked, secrets={}))
    assert image is not None
    assert image["Config"]["Labels"]["odd"] == "$HOME\nend"


def test_a_second_build_is_cached_and_no_cache_runs_every_step(engine: Engine, base: str) -> None:
    asked = request(f"FROM {base}\nRUN echo {fresh()}\nRUN true\n")
    build(engine, asked, secrets={})
    assert _cached(engine, asked) == [True, True]
    again = BuildRequest(asked.context, no_cache=True)
    assert _cached(engine, again) == [False, False]


def _cached(engine: Engine, asked: BuildRequest) -> list[bool]:
    events: list[BuildEvent] = []
    build(engine, asked, secrets={}, on_event=events.append)
    return [
        event.cached for event in events if isinstance(event, StepCompleted) if "RUN" in event.name
    ]


def test_a_failing_step_is_named_with_the_end_of_its_log(
    nest: Nested, engine: Engine, base: str
) -> None:
    events: list[BuildEvent] = []
    command = f"seq 100; echo {fresh()} >/dev/null; exit 17"
    asked = request(f"FROM {base} AS made\nRUN true\nRUN {command}\nRUN echo never\n")
    with pytest.raises(BuildError) as caught:
        build(engine, asked, secrets={}, on_event=events.append)
    error = caught.value
    assert error.step is not None
    assert error.step.endswith(f"3/4] RUN {command}")
    assert str(error).startswith("the build failed at [")
    assert str(error).endswith(": its command ended with exit code 17")
    assert error.log == tuple(map(str, range(1, 101)))
    assert [event.name for event in events if isinstance(event, StepFailed)] == [error.step]
    assert not any(isinstance(event, StepStarted) and "never" in event.name for event in events)
    assert (error.lines == (3, 3)) == nest.kind.lines


def test_what_is_no_dockerfile_is_said_in_one_line(engine: Engine, base: str) -> None:
    with pytest.raises(BuildError) as caught:
        build(engine, request(f"FROM {base}\nRUNN x\n"), secrets={})
    assert "unknown instruction" in str(caught.value).lower()
    assert "\n" not in str(caught.value)


def test_a_local_base_is_taken_whatever_its_registry_says(engine: Engine, base: str) -> None:
    """Its name leads to an address that nobody has: the engine must not even ask."""
    name = ImageReference.parse(f"{NOBODY}/bases/one:1")
    found = engine.inspect_image(base)
    assert found is not None
    engine.tag_image(found["Id"], name)
    events: list[BuildEvent] = []
    image = build(
        engine, request(f"FROM {name}\nRUN echo {fresh()}\n"), secrets={}, on_event=events.append
    )
    engine.remove_image(str(name))
    made = engine.inspect_image(image)
    assert made is not None
    assert made["RootFS"]["Layers"][: len(found["RootFS"]["Layers"])] == found["RootFS"]["Layers"]


def test_a_build_that_is_interrupted_leaves_no_process(
    nest: Nested, engine: Engine, base: str
) -> None:
    """At once where the engine can end a step, else with the end of that step."""
    number = uuid.uuid4().int % 10**9
    step, after = (f"{300 if nest.kind.stops_steps else 5}.{number:09}", f"301.{number:09}")

    def listen(event: BuildEvent) -> None:
        if isinstance(event, StepStarted) and step in event.name:
            _until(step, running=True)
            raise KeyboardInterrupt

    asked = request(f"FROM {base}\nRUN sleep {step}\nRUN sleep {after}\n")
    with pytest.raises(KeyboardInterrupt):
        build(engine, asked, secrets={}, on_event=listen)
    _until(step, running=False)
    time.sleep(3)
    assert not _sleeping(after)


def _until(seconds: str, *, running: bool) -> None:
    """Wait for a `sleep` of this machine, which has every engine's processes."""
    limit = time.monotonic() + 20
    while _sleeping(seconds) != running:
        assert time.monotonic() < limit, f"after 20 s: running={not running}"
        time.sleep(0.05)


def _sleeping(seconds: str) -> bool:
    wanted = f"sleep\0{seconds}\0".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == wanted:
                return True
    return False


def test_builds_may_run_side_by_side(engine: Engine, base: str) -> None:
    """Each has secrets of its own."""
    from concurrent.futures import ThreadPoolExecutor

    def one(number: int) -> str:
        lines: list[str] = []
        asked = request(
            f"FROM {base}\nRUN --mount=type=secret,id=pw,required=true"
            f" wc -c </run/secrets/pw; echo {fresh()}\n"
        )
        build(
            engine,
            asked,
            secrets={"pw": b"x" * number},
            on_event=lambda event: lines.append(event.line) if isinstance(event, StepLog) else None,
        )
        return lines[0].strip()

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(one, (11, 222, 3333))) == ["11", "222", "3333"]
