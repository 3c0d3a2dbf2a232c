"""uv's real words, recorded from failing builds, become a sentence about the user's own file."""

from __future__ import annotations

import pytest

from toolkit.builder.diagnosis import Attempt, explained
from toolkit.deps import Dependencies
from toolkit.deps.dependencies import Requirement
from toolkit.engine.buildkit import reasons
from toolkit.errors import BuildError

WANTED = Dependencies(
    requirements=(
        Requirement("numpy", specifier="==99.1", file="requirements.txt", line=3),
        Requirement("psycopg2", specifier="==2.9.9", file="more.txt", line=7),
        Requirement("no-such-thing", file="requirements.txt", line=1),
        Requirement(None, local="local/0/broken", file="requirements.txt", line=9),
    )
)
INSTALL = '[build 2/2] RUN --mount=type=secret,id=ca     ["sh", "/run/toolkit/steps/install.sh"]'
APT = '[image 2/4] RUN ["sh", "/run/toolkit/steps/apt.sh", "nosuch"]'


def diagnosed(step: str, *log: str) -> BuildError:
    error = BuildError("as the engine said", hint="its hint", step=step, reason="exit 2", log=log)
    return explained(error, Attempt(WANTED))


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (
            (
                "error: No solution found when resolving dependencies",
                "  cause: Because no-such-thing was not found in the package registry and you",
                "require no-such-thing, we can conclude that your requirements are unsatisfiable.",
            ),
            "requirements.txt:1: no-such-thing is not in the package index",
        ),
        (
            (
                "  cause: Because there is no version of numpy==99.1 and you require numpy==99.1,",
                "we can conclude that your requirements are unsatisfiable.",
            ),
            "requirements.txt:3: no version of numpy fits numpy==99.1",
        ),
        (
            (
                "error: No solution found when resolving dependencies",
                "  cause: Because you require numpy==2.0.0 and numpy>2.1, we can conclude that",
                "your requirements are unsatisfiable.",
            ),
            "the requirements contradict each other: you require numpy==2.0.0 and numpy>2.1",
        ),
        (
            (
                "error: Failed to build `psycopg2==2.9.9`",
                "  cause: The build backend returned an error",
                "    Error: pg_config executable not found.",
            ),
            "more.txt:7: psycopg2 could not be built from its source",
        ),
        (
            ("error: The build backend returned an error", "RuntimeError: cannot build this"),
            "a package could not be built from its source",
        ),
        (
            (
                "error: Failed to build `broken @ file:///run/toolkit/context/local/0/broken`",
                "  cause: The build backend returned an error",
            ),
            "requirements.txt:9: broken could not be built from its source",
        ),
        (
            (
                "error: Failed to download `numpy==99.1`",
                "  cause: Hash mismatch for `numpy==99.1`",
            ),
            "requirements.txt:3: numpy has another hash than the one that is asked for",
        ),
        (
            ("error: Hash-checking is required, but no trusted hash was provided for: `idna`",),
            "idna needs a version with == and a hash, because other requirements have hashes",
        ),
        (
            (
                "error: In `--require-hashes` mode, all requirements must have their versions",
                "pinned with `==`, but found: psycopg2",
            ),
            (
                "more.txt:7: psycopg2 needs a version with == and a hash, because other "
                "requirements have hashes"
            ),
        ),
        (
            (
                "error: Request failed after 3 retries in 9.2s",
                "  cause: Failed to fetch: http://index.example/simple/numpy/",
                "  cause: error sending request for url (http://index.example/simple/numpy/)",
            ),
            "http://index.example/simple/numpy/ could not be fetched",
        ),
        (
            (
                "error: Failed to build `psycopg2==2.9.9`",
                "  cause: The build backend returned an error",
                "OSError: [Errno 28] No space left on device",
            ),
            "installing the requirements failed: exit 2",
        ),
        # pip's words, where there is no uv.
        (
            (
                "ERROR: No matching distribution found for uv==0.13.9",
                "toolkit: the index has no uv; pip installs instead",
                (
                    "ERROR: Could not find a version that satisfies the requirement no-such-thing "
                    "(from versions: none)"
                ),
                "ERROR: No matching distribution found for no-such-thing",
            ),
            "requirements.txt:1: no-such-thing is not in the package index",
        ),
        (
            (
                (
                    "ERROR: Could not find a version that satisfies the requirement numpy==99.1 "
                    "(from versions: 1.0, 2.0)"
                ),
            ),
            "requirements.txt:3: no version of numpy fits numpy==99.1",
        ),
        (
            (
                (
                    "ERROR: Cannot install -r requirements.txt (line 2) and -r requirements.txt "
                    "(line 3) because these package versions have conflicting dependencies."
                ),
                "",
                "The conflict is caused by:",
                "    left 1.0 depends on both==1.0",
                "    right 1.0 depends on both==2.0",
            ),
            (
                "the requirements contradict each other: left 1.0 depends on both==1.0 and "
                "right 1.0 depends on both==2.0"
            ),
        ),
        (
            (
                "  error: subprocess-exited-with-error",
                "error: metadata-generation-failed",
                "Encountered error while generating package metadata.",
                "╰─> psycopg2",
            ),
            "more.txt:7: psycopg2 could not be built from its source",
        ),
        (
            (
                "Encountered error while generating package metadata.",
                "╰─> from file:///run/toolkit/context/local/0/broken",
            ),
            "requirements.txt:9: this project could not be built from its source",
        ),
        (
            (
                "Collecting numpy==99.1",
                "Processing ./local/0/broken",
                "  error: subprocess-exited-with-error",
                "Encountered error while generating package metadata.",
                "╰─> See above for output.",
            ),
            "requirements.txt:9: this project could not be built from its source",
        ),
        (
            (
                "Processing ./local/0/broken",
                "Collecting psycopg2==2.9.9",
                "  Downloading psycopg2-2.9.9.tar.gz",
                "  error: subprocess-exited-with-error",
            ),
            "more.txt:7: psycopg2 could not be built from its source",
        ),
        (
            ("  ERROR: Failed building wheel for psycopg2", "Failed to build psycopg2"),
            "more.txt:7: psycopg2 could not be built from its source",
        ),
        (
            ("  error: subprocess-exited-with-error", "something else"),
            "a package could not be built from its source",
        ),
        (
            (
                "someone may have tampered with them.",
                "    numpy==99.1 from https://index.example/numpy.whl:",
                "        Expected sha256 0",
            ),
            "requirements.txt:3: numpy has another hash than the one that is asked for",
        ),
        (
            (
                (
                    "(If you did not enable --require-hashes manually, note that it turns on "
                    "automatically when any package has a hash.)"
                ),
                "    idna==3.11 --hash=sha256:0",
            ),
            "idna needs a version with == and a hash, because other requirements have hashes",
        ),
        (
            (
                (
                    "WARNING: Retrying (Retry(total=0)) after connection broken by "
                    "'NewConnectionError('<pip>: [Errno 111] refused')': /simple/numpy/"
                ),
                (
                    "ERROR: Could not find a version that satisfies the requirement numpy==99.1 "
                    "(from versions: none)"
                ),
            ),
            "the package index could not be reached: NewConnectionError",
        ),
        (
            ("toolkit: URLError: <urlopen error [Errno 111] Connection refused>; asking pip",),
            (
                "the package index could not be reached: "
                "URLError: <urlopen error [Errno 111] Connection refused>"
            ),
        ),
        (
            (
                "error: No solution found when resolving dependencies",
                "  cause: Because only numpy<=2.5.0 is available and you require numpy>=99, we can",
                "conclude that your requirements are unsatisfiable.",
            ),
            "requirements.txt:3: no version of numpy fits numpy>=99",
        ),
        (("anything else",), "installing the requirements failed: exit 2"),
        ((), "installing the requirements failed: exit 2"),
    ],
)
def test_a_failed_install_is_said_about_the_users_own_line(
    log: tuple[str, ...], message: str
) -> None:
    """The step, the requirement where it can, and the log."""
    error = diagnosed(INSTALL, *log)
    assert str(error) == message
    assert error.step == "installing the requirements"
    assert error.log == log


def test_what_is_not_recognised_keeps_the_engines_hint() -> None:
    """A certificate's hint is worth more than none."""
    assert diagnosed(INSTALL, "invalid peer certificate").hint == "its hint"


def test_a_debian_package_that_does_not_exist_is_named() -> None:
    """Apt's last line, as it was recorded."""
    error = diagnosed(APT, "E: Unable to locate package nosuch")
    assert str(error) == "the Debian package nosuch does not exist for this base"


def test_a_step_that_is_not_ours_keeps_the_engines_words() -> None:
    """COPY, FROM and a user's own instructions."""
    assert (
        str(diagnosed("[image 3/4] COPY --from=build /opt/venv /opt/venv")) == "as the engine said"
    )


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (
            (
                "error: No solution found when resolving dependencies",
                "  cause: Because the current Python version (3.11.7) does not satisfy",
                "Python>=3.12 and numpy==99.1 depends on Python>=3.12, we can conclude that",
                "numpy==99.1 cannot be used.",
            ),
            "requirements.txt:3: numpy==99.1 needs Python >=3.12, and the image has 3.11.2",
        ),
        (
            (
                "  cause: Because numpy==99.1 has no wheels with a matching Python ABI tag (e.g.,",
                "`cp311`) and you require numpy==99.1, we can conclude that your requirements are",
                "unsatisfiable.",
            ),
            "requirements.txt:3: numpy==99.1 has no wheel for Python 3.11.2",
        ),
        (
            (
                (
                    "ERROR: Ignored the following versions that require a different python "
                    "version: 99.1 Requires-Python >=3.12"
                ),
                (
                    "ERROR: Could not find a version that satisfies the requirement numpy==99.1 "
                    "(from versions: 1.0, 2.0)"
                ),
                "ERROR: No matching distribution found for numpy==99.1",
            ),
            (
                "requirements.txt:3: no version of numpy fits numpy==99.1 and the image's Python "
                "3.11.2"
            ),
        ),
        (
            ("  cause: Because there is no version of numpy==99.1 and you require numpy==99.1,",),
            "requirements.txt:3: no version of numpy fits numpy==99.1 for Python 3.11.2",
        ),
    ],
)
def test_a_version_that_another_python_would_have_names_both(
    log: tuple[str, ...], message: str
) -> None:
    """The hint says how to get another Python."""
    error = BuildError("as said", hint=reasons.READ_LOG, step=INSTALL, reason="exit 2", log=log)
    found = explained(error, Attempt(WANTED, python="3.11.2"))
    assert str(found) == message
    assert found.hint is not None
    assert "another Python with --python or --base" in found.hint


def test_an_address_that_cannot_be_fetched_comes_with_the_plain_reason() -> None:
    error = diagnosed(
        INSTALL,
        "error: Failed to fetch: `https://index.example/simple/numpy/`",
        "  cause: invalid peer certificate: UnknownIssuer",
    )
    assert str(error) == (
        "https://index.example/simple/numpy/ could not be fetched: a certificate is not trusted"
    )


def test_memory_that_gave_out_is_nobodys_requirement() -> None:
    """The compiler that was killed makes a package fail to build, which is not the cause."""
    killed = "a program of its command was killed (exit code 1), most likely for lack of memory"
    log = ("error: Failed to build `psycopg2==2.9.9`",)
    error = explained(
        BuildError("as said", hint="its hint", step=INSTALL, reason=killed, log=log),
        Attempt(WANTED),
    )
    assert (str(error), error.hint) == (f"installing the requirements failed: {killed}", "its hint")


def test_the_lines_of_the_step_are_counted_where_the_engine_does_not_say_them() -> None:
    dockerfile = 'FROM x AS build\nRUN ["sh", "install.sh"]\nFROM x AS image\nRUN true\n'
    error = BuildError(
        "as said", hint=reasons.READ_LOG, step='[build 2/2] RUN ["sh", "install.sh"]'
    )
    found = explained(error, Attempt(WANTED, dockerfile=dockerfile))
    assert (found.lines, found.dockerfile) == ((2, 2), dockerfile)
    said = BuildError("as said", hint=reasons.READ_LOG, step="[image 2/2] RUN true", lines=(4, 5))
    assert explained(said, Attempt(WANTED, dockerfile=dockerfile)).lines == (4, 5)


ABI = (
    "  cause: Because numpy==99.1 has no wheels with a matching Python ABI tag (e.g., `cp311`) and",
    "you require numpy==99.1, we can conclude that your requirements are unsatisfiable.",
    "  hint: You require CPython 3.11 (`cp311`), but we only found wheels for `numpy` (v99.1) with",
    "the following Python ABI tags: `cp310`, `cp39`, `cp313t`",
)
PLATFORM = (
    "  cause: Because numpy==99.1 has no wheels with a matching platform tag (e.g.,",
    "`manylinux_2_36_x86_64`) and you require numpy==99.1, we can conclude that your",
    "requirements are unsatisfiable.",
    "  hint: Wheels are available for `numpy` (v99.1) on the following platforms: `win_amd64`,",
    "`macosx_11_0_arm64`",
)


@pytest.mark.parametrize(
    ("log", "message", "hint"),
    [
        (
            ABI,
            "has no wheel for Python 3.11.2; it has wheels for Python 3.9, 3.10, 3.13 only",
            "choose one of these with --python or --base, or another version of numpy",
        ),
        (
            PLATFORM,
            (
                "has no wheel for the image's platform; it has wheels for win_amd64, "
                "macosx_11_0_arm64 only"
            ),
            "choose another version of numpy, or another --platform",
        ),
    ],
    ids=["python", "platform"],
)
def test_what_has_no_wheel_here_says_where_it_has_one(
    log: tuple[str, ...], message: str, hint: str
) -> None:
    """As uv tells it of a package that has no source, either."""
    error = BuildError("as said", hint=reasons.READ_LOG, step=INSTALL, reason="exit 2", log=log)
    found = explained(error, Attempt(WANTED, python="3.11.2"))
    assert (str(found), found.hint) == (f"requirements.txt:3: numpy==99.1 {message}", hint)


@pytest.mark.parametrize(
    ("words", "doing"),
    [
        ('"apk.sh", "fetch"', "installing the Alpine packages"),
        ('"rpm.sh", "install"', "installing the RPM packages"),
        ('"conda.sh", "tool"', "fetching what installs conda's packages"),
        ('"conda.sh", "install"', "installing the packages of conda's"),
        ('"conda.sh", "pip"', "installing pip's list beside conda's packages"),
    ],
)
def test_each_step_is_called_by_what_it_does(words: str, doing: str) -> None:
    step = f'[x 1/2] RUN ["sh", {words.replace(chr(34), chr(34) + "/run/toolkit/steps/", 1)}]'
    assert str(diagnosed(step, "nothing known")) == f"{doing} failed: exit 2"


def test_a_stage_that_gives_the_base_its_python_is_called_so() -> None:
    """Whatever it runs: the packages are not those that were asked for."""
    step = '[with-python 2/3] RUN ["sh", "/run/toolkit/steps/apt.sh", "install", "python3"]'
    error = diagnosed(step, "nothing known")
    assert str(error) == "giving the base its distribution's Python failed: exit 2"
