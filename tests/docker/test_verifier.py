"""Images that keep their contract, and images that break it, each in a container of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.docker.conftest import RUN, Cli, Started, remove_named
from toolkit import context, labels
from toolkit.engine import Engine, buildkit
from toolkit.errors import VerificationError
from toolkit.verifier import verify

pytestmark = pytest.mark.docker

NAME = f"t-{RUN}-verified"

# Modules that work, whatever they do, and things that nobody imports.
GOOD = {
    "tk_good/__init__.py": "",
    "tk_prints.py": (
        "import os, sys\nprint('out'); print('err', file=sys.stderr)\nos.write(1, b'{}')\n"
    ),
    "tk_reads.py": "import sys\nassert sys.stdin.read() == ''\n",
    "tk_threads.py": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n"
    ),
    "tk_leaves.py": "import subprocess\nsubprocess.Popen(['sleep', '600'])\n",
    "tk_breaks_others.py": "import json, sys\nsys.modules['json'] = None\njson.dumps = None\n",
    "tk_changes_folder.py": "import os\nos.chdir('/')\n",
    "tests/__init__.py": "raise RuntimeError('nobody imports tests')\n",
    "conftest.py": "raise RuntimeError('nor this')\n",
    "tk_good-stubs/__init__.pyi": "this is no Python",
    "not-a-name/module.py": "raise RuntimeError('nor what has no name')\n",
    "tk_data/only.json": "{}",
}
# Modules that do not, each in its own way.
BAD = {
    "tk_raises.py": "raise ValueError('as it\\ncomes')\n",
    "tk_misses.py": "import tk_not_there\n",
    "tk_exits.py": "import sys\nsys.exit(0)\n",
    "tk_quits.py": "import os\nos._exit(0)\n",
    "tk_crashes.py": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n",
    "tk_hangs.py": "import time\ntime.sleep(600)\n",
    "tk_goes_quiet.py": "import os, time\nos.closerange(3, 256)\ntime.sleep(600)\n",
}
EXPECTED = {
    "import tk_raises": "ValueError: as it comes (from tk_wheel)",
    "import tk_misses": "ModuleNotFoundError: No module named 'tk_not_there' (from tk_wheel)",
    "import tk_exits": "SystemExit: 0 (from tk_wheel)",
    "import tk_quits": "it ended the interpreter with exit code 0 (from tk_wheel)",
    "import tk_crashes": "killed by signal 11 (from tk_wheel)",
    "import tk_hangs": "TimeoutError: not imported within 6 seconds (from tk_wheel)",
    "import tk_goes_quiet": "killed by signal 9 (from tk_wheel)",
}


@pytest.fixture(scope="module")
def image(
    tmp_path_factory: pytest.TempPathFactory,
    environment: Mapping[str, str],
    started: Started,
    first_engine: Engine,
) -> Iterator[str]:
    """An image of the good modules, built and not yet verified."""
    cli = Cli(tmp_path_factory.mktemp("project"), environment, started.pids)
    cli.write(cli.wheel("tk_wheel", GOOD), cli.wheel("tk_other"))
    command = ("build-image", "--deps", "requirements.txt", "--name", NAME, "--no-verify")
    answer = cli(*command)
    assert answer.code == 0, answer.stderr
    yield answer.stdout.strip()
    remove_named(first_engine, NAME)


Derive = Callable[..., str]


@pytest.fixture
def derived(first_engine: Engine, image: str) -> Iterator[Derive]:
    """Make an image from the good one by instructions and files; it has no name."""
    made: list[str] = []

    def derive(*instructions: str, files: Mapping[str, str] | None = None) -> str:
        dockerfile = "\n".join([f"FROM {image}", *instructions, ""])
        packed = context.pack(
            context.ContextFile(path, text.encode())
            for path, text in {"Dockerfile": dockerfile, **(files or {})}.items()
        )
        named = {labels.NAME: f"{NAME}-derived"}
        request = buildkit.BuildRequest(packed, labels=named)
        made.append(buildkit.build(first_engine, request, secrets={}))
        return made[-1]

    yield derive
    for each in made:
        first_engine.remove_image(each)


def problems(engine: Engine, image: str, *, import_seconds: float = 60) -> dict[str, str]:
    with pytest.raises(VerificationError) as caught:
        verify(engine, image, import_seconds=import_seconds)
    return {problem.where: problem.text for problem in caught.value.problems}


def test_a_good_image_passes_whatever_its_modules_do(first_engine: Engine, image: str) -> None:
    """What they print, read, start, break or change is theirs; tests and stubs are left out."""
    report = verify(first_engine, image)
    imported = {name for name, said in report.imports.items() if not said}
    assert imported == {
        *("tk_good", "tk_prints", "tk_reads", "tk_threads", "tk_leaves", "tk_breaks_others"),
        *("tk_changes_folder", "tk_other", "pip"),
    }
    assert report.folders == {"/workspace": "", "/home/executor": "", "/opt/venv": ""}


def test_every_import_that_fails_is_named_with_its_reason(
    first_engine: Engine, derived: Derive
) -> None:
    """All of them in one go, and none keeps the others from being tried."""
    record = "/opt/venv/lib/python3*/site-packages/tk_wheel-1.0.dist-info/RECORD"
    lines = "".join(f"{name},,\\n" for name in BAD)
    bad = derived(
        "COPY bad /tmp/bad",
        "RUN cp /tmp/bad/* /opt/venv/lib/python3*/site-packages/",
        f"RUN printf '{lines}' >> $(echo {record})",
        files={f"bad/{name}": text for name, text in BAD.items()},
    )
    assert problems(first_engine, bad, import_seconds=6) == EXPECTED
    report = verify(
        first_engine,
        bad,
        excused=[name.removesuffix(".py") for name in BAD],
        import_seconds=6,
    )
    assert {name for name, said in report.imports.items() if said} == {
        name.removesuffix(".py") for name in BAD
    }


def test_what_is_locked_must_be_installed(first_engine: Engine, derived: Derive) -> None:
    without = derived("RUN pip uninstall --yes --quiet tk_other")
    assert problems(first_engine, without) == {"tk-other": "is locked and not installed"}


def test_what_is_installed_must_be_locked(first_engine: Engine, derived: Derive) -> None:
    """In that version; pip is there so that this can happen later, in a container."""
    packages = "/opt/venv/lib/python3*/site-packages"
    changed = derived(
        f"RUN cd $(echo {packages}) && cp -r tk_other-1.0.dist-info tk_more-3.0.dist-info"
        " && sed -i -e s/tk_other/tk_more/ -e s/1.0/3.0/ tk_more-3.0.dist-info/METADATA"
        " && mv tk_other-1.0.dist-info tk_other-1.1.dist-info"
        " && sed -i 's/^Version: .*/Version: 1.1/' tk_other-1.1.dist-info/METADATA"
    )
    assert problems(first_engine, changed) == {
        "tk-more": "is installed at 3.0 and not locked",
        "tk-other": "is locked at 1.0, installed at 1.1",
    }


def test_folders_must_be_writable_for_any_uid(first_engine: Engine, derived: Derive) -> None:
    closed = derived("RUN chmod 0755 /workspace /opt/venv")
    found = problems(first_engine, closed)
    assert set(found) == {"/workspace", "/opt/venv"}
    assert all("is not writable for every uid: " in text for text in found.values())


def test_an_image_without_a_lock_fails(first_engine: Engine, derived: Derive) -> None:
    """Also where the whole environment is gone and the base's own Python answers."""
    missing = {"/opt/venv/pylock.toml": "is missing, so nobody knows what should be installed"}
    unlocked = derived("RUN rm /opt/venv/pylock.toml")
    assert problems(first_engine, unlocked) == missing
    gone = derived("RUN rm -r /opt/venv && mkdir -m 0777 /opt/venv")
    assert problems(first_engine, gone).items() >= missing.items()


def test_a_lock_that_is_none_fails(first_engine: Engine, derived: Derive) -> None:
    broken = derived("RUN echo nonsense > /opt/venv/pylock.toml")
    (text,) = problems(first_engine, broken).values()
    assert text.startswith("/opt/venv/pylock.toml is not a PEP 751 lock: ")


def test_a_python_that_does_not_start_is_said_to(first_engine: Engine, derived: Derive) -> None:
    broken = derived(
        "RUN rm /opt/venv/bin/python* && printf '#!/bin/sh\\nexit 3\\n'"
        " > /opt/venv/bin/python && chmod 755 /opt/venv/bin/python"
    )
    with pytest.raises(VerificationError, match="the image's Python cannot examine the image"):
        verify(first_engine, broken)
