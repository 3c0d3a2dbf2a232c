"""What is run both ways: the scripts, and how each is called.

A script that the table does not name is run once, without arguments, as `python NAME.py` in its own
folder; a folder's `main.py` in the same way. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tests.docker.fidelity.exit_codes import EXIT_CODES
from tests.docker.fidelity.odd_files import ODD_FILES

SCRIPTS: Final = Path(__file__).parent / "scripts"
_LINES: Final = "one\nzwei é\n\nlast without newline".encode()
_ZIP: Final = (
    "import zipfile\n"
    "with zipfile.ZipFile('app.zip', 'w') as app:\n"
    "    info = zipfile.ZipInfo('__main__.py')\n"
    "    app.writestr(info, open('where_am_i.py').read() + '\\nimport inner\\n')\n"
    "    app.writestr(zipfile.ZipInfo('inner.py'), 'print(__file__, __loader__.archive)')\n"
)
_COMPILED: Final = (
    "import py_compile\n"
    "py_compile.compile('where_am_i.py', 'compiled.pyc', dfile='where_am_i.py')\n"
)
_FOLDER: Final = "import os\nos.mkdir('folder')\nos.rename('where_am_i.py', 'folder/__main__.py')\n"
_SHADOWS: Final = (
    "import sys\n"
    "for name in sys.stdlib_module_names:\n"
    "    open(name + '.py', 'w').write('MINE = 1')\n"
)
_WRAPPED: Final = (
    "import os\n"
    "os.mkdir('bin')\n"
    "open('bin/python', 'w').write('#!/bin/sh\\necho wrapped\\nexec python3 \"$@\"\\n')\n"
    "os.chmod('bin/python', 0o755)\n"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One script, and how it is called.

    `runs`: what follows the program, once for each run in the same folder. `code` is the exit code
    of the last run as it is without a warm interpreter (None: whatever it is), so that a script
    that broke is found. `{work}` in `environment` and `runs` is the folder. `prepare`: Python that
    is run in the folder before.
    """

    script: str
    runs: tuple[tuple[str, ...], ...] = ()
    code: int | None = 0
    stdin: bytes | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    program: str = "python"
    cwd: str = "."
    prepare: str = ""
    merged: bool = False

    def files(self) -> Iterator[tuple[str, bytes]]:
        """What is in its folder before the run: names and contents."""
        if self.script in ODD_FILES:
            yield f"{self.script}.py", ODD_FILES[self.script]
            return
        folder = SCRIPTS / self.script
        if not folder.is_dir():
            yield f"{self.script}.py", folder.with_suffix(".py").read_bytes()
            return
        for path in sorted(folder.rglob("*.py")):
            yield str(path.relative_to(folder)), path.read_bytes()

    def calls(self) -> tuple[tuple[str, ...], ...]:
        """The arguments of each run."""
        own = "main.py" if (SCRIPTS / self.script).is_dir() else f"{self.script}.py"
        return self.runs or ((own,),)


def _called(script: str, *arguments: str, **options: object) -> Case:
    return Case(script, ((f"{script}.py", *arguments),), **options)  # type: ignore[arg-type]


def _where(*call: str, **options: object) -> Case:
    return Case("where_am_i", (call,), **options)  # type: ignore[arg-type]


def _python(**environment: str) -> Case:
    return Case("environment_of_python", environment=environment)


def _exits() -> Iterator[tuple[str, Case]]:
    for number, code in ((0, 0), (1, 1), (255, 255), (256, 0), (-1, 255), (2**40, None)):
        yield f"exit_with_a_number-{number}", _called("exit_with_a_number", str(number), code=code)
    kinds = {
        "None": 0, "''": 1, "'text é'": 1, "(1, 2)": 1, "Shown()": 1, "True": 1, "False": 0,
        "2.5": 1, "2**70": None, "-2**70": None, "b'x'": 1, "Broken()": 1, "MyExit(3)": 3,
        "'\\udc80'": 1, "raise": 5,
    }  # fmt: skip
    for number, (kind, expected) in enumerate(kinds.items()):
        yield f"exit_with_anything-{number}", _called("exit_with_anything", kind, code=expected)


def _signals() -> Iterator[tuple[str, Case]]:
    numbers = {"TERM": 15, "KILL": 9, "SEGV": 11, "ABRT": 6, "HUP": 1, "USR1": 10, "ALRM": 14}
    for name, number in numbers.items():
        case = _called("signal_to_itself", f"SIG{name}", code=128 + number)
        yield f"signal_to_itself-{name}", case
    flushed = _called("signal_to_itself", "SIGTERM", "flushed", code=143)
    yield "signal_to_itself-flushed", flushed
    yield "signal_to_itself-INT", _called("signal_to_itself", "SIGINT", code=130)


def _files() -> Iterator[tuple[str, Case]]:
    links = "import os\nos.symlink('where_am_i.py', 'link.py')\nos.mkdir('sub')\n"
    deeper = "import os\nos.makedirs('sub/dir')\nos.rename('where_am_i.py', 'sub/dir/name.py')\n"
    away = links + "os.rename('where_am_i.py', 'sub/x.py')\nos.symlink('sub/x.py', 'far.py')\n"
    yield "file_relative", _where("where_am_i.py")
    yield "file_with_a_dot", _where("./where_am_i.py")
    yield "file_with_dots_and_slashes", _where(".//../file_with_dots_and_slashes/./where_am_i.py")
    yield "file_in_a_subfolder", _where("sub/dir/name.py", prepare=deeper)
    yield "file_above", _where("../where_am_i.py", cwd="sub", prepare=links)
    yield "file_absolute", _where("{work}/where_am_i.py")
    yield "file_absolute_from_elsewhere", _where("{work}/where_am_i.py", cwd="/")
    yield "file_through_a_link", _where("link.py", prepare=links)
    yield "file_through_a_link_to_elsewhere", _where("far.py", prepare=away)
    yield (
        "file_through_a_linked_folder",
        _where("here/where_am_i.py", prepare="import os\nos.symlink('.', 'here')\n"),
    )
    odd = "import os\nos.rename('where_am_i.py', 'a b\\u00e9\\n;$.txt')\n"
    yield "file_with_an_odd_name", _where("a b\u00e9\n;$.txt", prepare=odd)
    byte = "import os\nos.rename('where_am_i.py', b'\\xff.py')\n"
    yield "file_with_an_undecodable_name", _where("\udcff.py", "\udcfe", prepare=byte, code=None)
    yield (
        "file_without_a_suffix",
        _where("name", prepare="import os\nos.rename('where_am_i.py','name')"),
    )
    yield "file_missing", _where("missing.py", code=2)
    yield "file_missing_in_a_missing_folder", _where("no/missing.py", "x", code=2)
    yield "file_with_no_name", _where("", code=None)
    yield (
        "file_unreadable",
        _where("where_am_i.py", code=2, prepare="import os\nos.chmod('where_am_i.py', 0)"),
    )
    dangling = "import os\nos.symlink('nowhere', 'x.py')\nos.symlink('loop.py', 'loop.py')\n"
    yield "file_is_a_dangling_link", _where("x.py", prepare=dangling, code=2)
    yield "file_is_a_looping_link", _where("loop.py", prepare=dangling, code=2)
    yield "file_is_a_device", _where("/dev/null")
    yield "file_is_standard_input", _where("-", stdin=b"import sys; print(sys.argv, __name__)")
    yield "file_is_standard_input_by_name", _where("/dev/stdin", "x", stdin=b"print(__file__)\n")
    yield "file_is_a_folder_with_main", _where("folder", "x", prepare=_FOLDER)
    yield "file_is_a_folder_without_main", _where(".", code=1)
    yield "file_is_a_zip", _where("app.zip", "x", prepare=_ZIP)
    yield "file_is_bytecode", _where("compiled.pyc", "x", prepare=_COMPILED)
    yield "option_before_the_file", _where("-B", "-W", "error", "where_am_i.py")
    yield "option_isolated", _where("-I", "where_am_i.py")
    yield "option_optimised", Case("sys_flags_and_options", (("-OO", "sys_flags_and_options.py"),))
    yield "option_of_a_module", Case("if_main", (("-m", "if_main"),))
    yield "option_of_a_command", _where("-c", "import sys; print(sys.argv, sys.path)", "x")
    yield "program_python3", _where("where_am_i.py", program="python3")
    yield "program_absolute", _where("where_am_i.py", program="/usr/bin/python3")
    yield "program_missing", _where("where_am_i.py", program="python-none", code=127)
    path = {"PATH": "{work}/bin:/usr/local/bin:/usr/bin:/bin"}
    yield (
        "program_first_on_its_own_path",
        _where("where_am_i.py", prepare=_WRAPPED, environment=path),
    )
    yield (
        "program_in_the_folder",
        _where(
            "where_am_i.py",
            prepare="import os, sys\nos.symlink(sys.executable, 'own')",
            program="./own",
        ),
    )
    yield (
        "program_of_a_virtual_environment",
        Case(
            "sys_places",
            prepare="import venv\nvenv.create('venv', symlinks=True)\n",
            environment={"PATH": "{work}/venv/bin:/usr/bin:/bin"},
        ),
    )
    yield (
        "cwd-in_a_subfolder",
        Case("cwd", (("../cwd.py",),), cwd="sub", prepare="import os\nos.mkdir('sub')"),
    )
    yield (
        "cwd-through_a_link",
        Case("cwd", (("cwd.py",),), cwd="here", prepare="import os\nos.symlink('.', 'here')"),
    )
    yield "cwd-missing", Case("cwd", cwd="nowhere", code=127)


def _environments() -> Iterator[tuple[str, Case]]:
    yield "environment", Case("environment", environment={"A": "1", "B é": "x=y\n", "EMPTY": ""})
    undecodable = {"ODD": "\udcff"}
    yield "environment-undecodable", Case("environment", environment=undecodable)
    yield "environment-PYTHONPATH", _python(PYTHONPATH="{work}/a:/b::relative")
    yield "environment-PYTHONHASHSEED", _python(PYTHONHASHSEED="0")
    yield "environment-PYTHONUNBUFFERED", _python(PYTHONUNBUFFERED="1")
    yield "environment-PYTHONUNBUFFERED-empty", _python(PYTHONUNBUFFERED="")
    yield "environment-PYTHONDONTWRITEBYTECODE", _python(PYTHONDONTWRITEBYTECODE="1")
    yield "environment-PYTHONIOENCODING", _python(PYTHONIOENCODING="latin-1:backslashreplace")
    yield "environment-PYTHONUTF8", _python(PYTHONUTF8="0", LC_ALL="C", PYTHONCOERCECLOCALE="0")
    yield "environment-PYTHONDEVMODE", _python(PYTHONDEVMODE="1")
    yield "environment-PYTHONWARNINGS", _python(PYTHONWARNINGS="error,ignore::DeprecationWarning")
    yield "environment-PYTHONOPTIMIZE", _python(PYTHONOPTIMIZE="2", PYTHONNOUSERSITE="1")
    yield "environment-PYTHONSAFEPATH", _python(PYTHONSAFEPATH="1")
    yield "environment-PYTHONFAULTHANDLER", _python(PYTHONFAULTHANDLER="1", PYTHONTRACEMALLOC="5")
    yield (
        "environment-PYTHONHOME",
        Case("environment_of_python", environment={"PYTHONHOME": "/nowhere"}, code=None),
    )
    yield (
        "environment-PYTHONINSPECT",
        Case(
            "if_main", environment={"PYTHONINSPECT": "1"}, stdin=b"print(__name__)\n", merged=True
        ),
    )
    yield "environment-PYTHONBREAKPOINT", Case("debugger", environment={"PYTHONBREAKPOINT": "0"})
    yield "environment-PYTHONINTMAXSTRDIGITS", _python(PYTHONINTMAXSTRDIGITS="1000")
    yield "environment-TZ", Case("time_zone", environment={"TZ": "EST5"})
    yield (
        "environment-LC_ALL",
        Case("interpreter_state", environment={"LC_ALL": "C", "LANG": "de_DE.UTF-8"}),
    )
    yield "environment-LANG-C", _python(LANG="C")
    yield "environment-LANG-latin", _python(LANG="en_US.ISO-8859-1", LC_ALL="POSIX")
    yield (
        "hash_seed_of_the_environment",
        Case("hash_seed_of_the_environment", environment={"PYTHONHASHSEED": "42"}),
    )
    yield "time_zone", Case("time_zone")
    yield "environment_of_python", Case("environment_of_python")


def _inputs() -> Iterator[tuple[str, Case]]:
    for script in ("stdin", "stdin_by_input", "stdin_iterated"):
        code = 1 if script == "stdin_by_input" else 0
        yield f"{script}-none", Case(script, code=code)
        yield f"{script}-empty", Case(script, stdin=b"", code=code)
        yield f"{script}-lines", Case(script, stdin=_LINES, code=code)
    large = bytes(range(256)) * 2000
    yield "stdin_binary", Case("stdin_binary", stdin=large)
    yield "stdin_undecodable", Case("stdin_undecodable", stdin=b"\xff\xfe\n", code=None)
    yield "stdin_iterated-returns", Case("stdin_iterated", stdin=b"a\r\nb\rc\n")
    yield "subprocess_inherits_the_streams", Case("subprocess_inherits_the_streams", stdin=b"fed\n")
    yield "displayhook", Case("displayhook", stdin=b"print(x)\n1/0\nx = 2\nx\n")
    yield "displayhook-end", Case("displayhook")
    yield "debugger-end", Case("debugger", code=1)
    commands = b"w\nup\np sorted(locals())\nlist\nc\n"
    yield "debugger-commands", Case("debugger", stdin=commands, code=None)
    yield "output_interleaved-merged", Case("output_interleaved", merged=True)
    yield "stream_attributes-merged", Case("stream_attributes", merged=True, stdin=b"x")
    yield "stdout_by_its_names-merged", Case("stdout_by_its_names", merged=True, stdin=b"x")
    yield "traceback_of_recursion-merged", Case("traceback_of_recursion", merged=True, code=1)


def _several() -> Iterator[tuple[str, Case]]:
    for way in ("spawn", "fork", "forkserver"):
        yield f"multiprocessing-{way}", _called("multiprocessing_start_methods", way)
        yield f"multiprocessing_pool-{way}", _called("multiprocessing_pool", way)
    file = "installed_module_is_seen.py"
    home = {"HOME": "{work}/home"}
    steps = ((file,), (file, "--install"), (file, "again"))
    yield "installed_module_is_seen", Case(file[:-3], steps, environment=home)
    twice = (("pollution_does_not_outlive_the_block.py",),) * 2
    yield "pollution_does_not_outlive_the_block", Case(twice[0][0][:-3], twice)
    yield "argv", _called("argv", "a", "b c", "", "\u00fc", "-x", "--", "*", "\udcff")
    yield "stdout_descriptor_closed-both", _called("stdout_descriptor_closed", "both", code=120)
    yield "every_stdlib_name_is_shadowed", Case("every_stdlib_name_is_shadowed", prepare=_SHADOWS)
    edited = "import os\nopen('edited', 'w').write('x')\n"
    yield "import_beside-twice", Case("import_beside", (("main.py",),) * 2, prepare=edited)


def _all() -> Iterator[tuple[str, Case]]:
    tables = (_exits, _signals, _files, _environments, _inputs, _several)
    named = {name: case for table in tables for name, case in table()}
    yield from named.items()
    taken = {name.partition("-")[0] for name in named} | {case.script for case in named.values()}
    again = {"stdout_descriptor_closed", "output_interleaved", "stream_attributes", "cwd"}
    again |= {"stdout_by_its_names", "traceback_of_recursion", "sys_places", "interpreter_state"}
    again |= {"sys_flags_and_options", "if_main", "import_beside"}
    scripts = {path.stem for path in SCRIPTS.iterdir() if path.name != "__pycache__"}
    for name in sorted(({*scripts, *ODD_FILES} - taken) | again):
        expected = EXIT_CODES.get(name, 0)
        yield name, replace(Case(name), code=expected)


APART: Final = frozenset({"values_that_differ"})
"""Scripts that are not compared: test_warm_blocks.py says what is true of them."""

CASES: Final[Mapping[str, Case]] = {name: case for name, case in _all() if name not in APART}
