"""Modules that the warm interpreter imports once: blocks find them loaded, and are else the same.

What cannot be forked or imported is refused when the container starts, with the reason.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.docker.conftest import RUN, Cli, Started, remove_named
from tests.docker.fidelity.cases import SCRIPTS
from tests.docker.fidelity.conftest import KEY, PYTHONS, Start, image_with
from tests.docker.fidelity.conftest import RUN as MINE
from tests.docker.fidelity.test_warm_blocks import block, works
from toolkit.container import Mount
from toolkit.engine import Engine
from toolkit.errors import StartError

pytestmark = pytest.mark.docker

Preload = Callable[[str], None]


@pytest.fixture
def preload(start: Start, tmp_path: Path, first_engine: Engine) -> Iterator[Preload]:
    """Start a container that preloads a module of this source, called `mine`."""
    tmp_path.chmod(0o755)
    before = len(first_engine.list_containers(f"{KEY}={MINE}"))

    def preload(source: str) -> None:
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        (folder / "mine.py").write_text(source)
        start(
            preload=("json", "mine"),
            mounts=(Mount(str(folder), "/modules", read_only=True),),
            environment={"PYTHONPATH": "/modules"},
        ).close()

    yield preload
    # `remove_container` is content with one that the engine is removing: it has a round's time.
    deadline = time.monotonic() + 5
    while len(first_engine.list_containers(f"{KEY}={MINE}")) > before:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("python", PYTHONS)
def test_preloaded_modules_are_loaded_and_the_rest_is_as_ever(
    start: Start, first_engine: Engine, python: str
) -> None:
    """With every Python: one that cannot be forked from would start each block, and refuse this."""
    container = start(image=image_with(first_engine, python), preload=("json", "xml.dom.minidom"))
    source = (
        "import sys; print([n for n in ('json', 'xml.dom.minidom', 'csv') if n in sys.modules])"
    )
    assert block(container, source).stdout == b"['json', 'xml.dom.minidom']\n"
    assert block(container, source, warm=False).stdout == b"[]\n"
    assert works(container)
    container.close()


def test_a_file_beside_the_block_wins_over_a_preloaded_module(start: Start) -> None:
    container = start(preload=("json", "xml.dom.minidom"))
    for name, content in (("json.py", "X = 1"), ("xml.py", "X = 2"), ("b.py", "")):
        container.write(f"/tmp/beside/{name}", content.encode())
    source = "import json, xml\nprint(json.X, xml.X, json.__file__)\n"
    container.write("/tmp/beside/b.py", source.encode())
    for warm in (False, True):
        result = container.run(["python", "/tmp/beside/b.py"], warm=warm)
        assert result.stdout == b"1 2 /tmp/beside/json.py\n", result
    container.close()


def test_a_module_that_leaves_a_thread_is_refused(preload: Preload) -> None:
    source = (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    with pytest.raises(StartError) as caught:
        preload(source)
    assert "'mine'" in str(caught.value)
    assert "thread" in str(caught.value)
    assert "json" not in str(caught.value)


def test_a_module_whose_thread_ends_is_welcome(preload: Preload) -> None:
    preload("import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()")


_REFUSED: Final[Mapping[str, str]] = {
    "import no_such_module_at_all": "no_such_module_at_all",
    "x = (": "SyntaxError",
    "raise ValueError('the reason of it')": "the reason of it",
    "import sys; sys.exit('it left')": "it left",
    "import sys; sys.exit(0)": "'mine'",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "import os; os._exit(0)": "'mine'",
    "import os; os.abort()": "'mine'",
    "import os; os.kill(os.getpid(), 9)": "'mine'",
    "raise ValueError('x' * 5_000_000)": "xxx",
    "class E(Exception):\n def __str__(self): raise ValueError\nraise E": "'mine'",
}
"""Sources of modules, and what their refusal names."""


def test_modules_that_cannot_be_imported_are_refused(preload: Preload) -> None:
    def refusal(source: str) -> str:
        with pytest.raises(StartError) as caught:
            preload(source)
        return str(caught.value)

    with ThreadPoolExecutor(4) as pool:
        said = dict(zip(_REFUSED, pool.map(refusal, _REFUSED), strict=True))
    wrong = {source: said[source] for source in said if _REFUSED[source] not in said[source]}
    assert wrong == {}
    assert max(map(len, said.values())) < 10_000


def test_a_module_that_never_ends_its_import_is_refused(start: Start, tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text("import time\ntime.sleep(600)")
    tmp_path.chmod(0o755)
    with pytest.raises(StartError):
        start(
            preload=("endless",),
            start_timeout=3.0,
            mounts=(Mount(str(tmp_path), "/modules", read_only=True),),
            environment={"PYTHONPATH": "/modules"},
        )


def test_what_a_module_prints_goes_nowhere(preload: Preload) -> None:
    preload(
        "import os, sys\nprint('x' * 300_000, flush=True)\nos.write(1, b'y')\n"
        "sys.stderr.write('z' * 300_000)\nos.write(2, b'z')\nprint(repr(sys.stdin.read()))"
    )


def test_a_module_that_is_not_there_is_refused(start: Start) -> None:
    with pytest.raises(StartError, match="no_such_module"):
        start(preload=("no_such_module",))


@pytest.fixture(scope="module")
def science(
    first_engine: Engine,
    environment: Mapping[str, str],
    started: Started,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """An image with numpy and pandas; what the demo has, so that its layers are there mostly."""
    cli = Cli(tmp_path_factory.mktemp("science"), environment, started.pids)
    name = f"t-{RUN}-science"
    deps = cli.write("numpy", "pandas", "requests")
    answer = cli("build-image", "--deps", deps, "--name", name)
    assert answer.code == 0, answer
    yield answer.stdout.strip()
    remove_named(first_engine, name)


def test_numpy_and_pandas_are_loaded_once_work_and_fork(start: Start, science: str) -> None:
    container = start(image=science, preload=("pandas", "numpy.random"))
    source = (
        "import sys\n"
        "assert 'pandas' in sys.modules or sys.argv[1:] == ['cold']\n"
        "import multiprocessing, os, numpy, pandas\n"
        "def total(n): return int((numpy.ones((300, 300)) @ numpy.ones((300, 300))).sum()) + n\n"
        "if __name__ == '__main__':\n"
        "    print(pandas.DataFrame({'a': [1, 2]}).sum().to_dict(), total(0))\n"
        "    with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "        print(pool.map(total, [1, 2]))\n"
        "    if os.fork() == 0: print(total(3), flush=True); os._exit(0)\n"
        "    os.wait()\n"
        "    print(pandas.DataFrame({'a': [1]}).to_csv())\n"
    )
    warm, cold = block(container, source), block(container, source, "cold", warm=False)
    assert (warm.exit_code, warm.stdout, warm.stderr) == (0, cold.stdout, cold.stderr), warm
    assert cold.exit_code == 0, cold
    container.close()


def test_numpys_random_numbers_differ_from_block_to_block(start: Start, science: str) -> None:
    container = start(image=science, preload=("numpy",))
    source = (SCRIPTS / "values_that_differ.py").read_text()
    results = [block(container, source, "numpy") for _ in range(4)]
    assert len({result.stdout.splitlines()[-1].split()[0] for result in results}) == 4, results
    assert len({result.stdout.splitlines()[-1].split()[1] for result in results}) == 4
    seeded = "import numpy; numpy.random.seed(1); print(numpy.random.rand())"
    assert block(container, seeded).stdout == block(container, seeded, warm=False).stdout
    container.close()
