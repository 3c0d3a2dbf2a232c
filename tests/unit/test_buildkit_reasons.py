"""Why a step failed, in plain words: real messages of engines 20.10 to 28."""

from __future__ import annotations

import pytest

from toolkit.engine.buildkit.reasons import Reason, explain, is_exhausted

_OLD = "executor failed running [/bin/sh -c x]: exit code: "
_NEW = 'process "/bin/sh -c x" did not complete successfully: exit code: '
_NETWORK = "check the engine's network and name resolution, and the proxy variables"
_CA = "name the company's certificates with `--ca-bundle FILE`, or set SSL_CERT_FILE"
_SPACE = "free disk space where the engine keeps its data, e.g. by `docker builder prune`"


@pytest.mark.parametrize("text", [_OLD, _NEW])
def test_an_exit_code_is_the_command_s(text: str) -> None:
    assert explain(f"{text}17") == Reason("its command ended with exit code 17")


def test_a_session_that_is_lost_is_said_in_words() -> None:
    """Where it was not noticed earlier, and the step that needs it is not to blame."""
    assert explain("no active session for 9ee12872b2a41831079beb7b: context deadline exceeded") == (
        Reason(
            "the session was lost by which the build gets its secrets and its context",
            "try again, and look whether the engine still runs",
        )
    )


@pytest.mark.parametrize("text", [_OLD, _NEW])
def test_137_is_most_likely_lack_of_memory(text: str) -> None:
    assert explain(f"{text}137") == Reason(
        "its command was killed (exit code 137), most likely for lack of memory",
        "give the engine more memory, or build less at a time",
    )


@pytest.mark.parametrize(
    ("error", "log"),
    [
        (f"{_OLD}1", ("error: No space left on device (os error 28)",)),
        ("failed to copy files: write /x: no space left on device", ()),
        ("write /x: disk quota exceeded", ()),
    ],
)
def test_a_full_disk_is_named_wherever_it_is_said(error: str, log: tuple[str, ...]) -> None:
    assert explain(error, log) == Reason("no space is left on the engine's disk", _SPACE)


@pytest.mark.parametrize(
    "line",
    [
        "Temporary failure in name resolution",
        "Temporary failure resolving 'deb.example.org'",
        "dns error: failed to lookup address information: Name or service not known",
        "Could not resolve host: example.org",
    ],
)
def test_a_name_that_does_not_resolve_brings_a_hint(line: str) -> None:
    assert explain(f"{_OLD}1", (line,)).hint == _NETWORK


@pytest.mark.parametrize(
    "line",
    [
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self signed certificate",
        "invalid peer certificate: UnknownIssuer",
        "curl: (60) SSL certificate problem: unable to get local issuer certificate",
    ],
)
def test_a_certificate_that_is_not_trusted_brings_a_hint(line: str) -> None:
    assert explain(f"{_OLD}1", (line,)).hint == _CA


@pytest.mark.parametrize("error", ["secret pw not found: not found", "secret pw: not found"])
def test_a_required_secret_that_was_not_given_is_named(error: str) -> None:
    assert explain(error) == Reason(
        "the build secret `pw` is required and was not given",
        "give the build a secret with the id `pw`",
    )


def test_the_engine_s_prefixes_are_left_out() -> None:
    error = (
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition:"
        " dockerfile parse error line 2: unknown instruction: RUNN"
    )
    assert explain(error).text == "dockerfile parse error line 2: unknown instruction: RUNN"
    assert explain("failed to solve: x").text == "x"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("curl: (6) Could not resolve host: example.org", "the name example.org"),
        ("  Temporary failure resolving 'deb.example.org'", "the name deb.example.org"),
        (
            "Failed to resolve 'a.example' ([Errno -3] Temporary failure in name resolution)",
            "the name a.example",
        ),
        ("dns error: failed to lookup address information", "a host name"),
    ],
)
def test_a_name_that_does_not_resolve_is_the_reason(line: str, what: str) -> None:
    assert explain(f"{_OLD}6", (line,)).text == f"{what} could not be resolved (exit code 6)"


def test_a_registry_whose_name_does_not_resolve_keeps_the_engine_s_words() -> None:
    error = 'Head "https://r.example/v2/": dial tcp: lookup r.example: no such host'
    assert explain(error) == Reason(f"the name r.example could not be resolved: {error}", _NETWORK)


def test_a_certificate_is_the_reason() -> None:
    reason = explain(f"{_OLD}2", ("x509: certificate signed by unknown authority",))
    assert reason == Reason("a certificate is not trusted (exit code 2)", _CA)


@pytest.mark.parametrize(
    "line",
    [
        "Killed",
        "sh: line 1:    12 Killed                  python3 x.py",
        "x86_64-linux-gnu-gcc: fatal error: Killed signal terminated program cc1plus",
        "subprocess.CalledProcessError: Command died with <Signals.SIGKILL: 9>.",
        "error: (signal: 9, SIGKILL: kill)",
        "The command failed: exit status: 137",
    ],
)
def test_a_program_that_was_killed_within_a_step_is_most_likely_lack_of_memory(line: str) -> None:
    """The step's own exit code is whatever its shell or its compiler makes of it."""
    reason = explain(f"{_OLD}2", ("compiling", line, "error: command failed"))
    assert reason.text == (
        "a program of its command was killed (exit code 2), most likely for lack of memory"
    )
    assert is_exhausted(reason.text, ())


@pytest.mark.parametrize(
    "line", ["Killed by Death is a song", "roadkill", "SIGKILLED", "Killed: 3 of 4 mutants"]
)
def test_words_about_killing_are_no_lack_of_memory(line: str) -> None:
    assert explain(f"{_OLD}2", (line,)) == Reason("its command ended with exit code 2")


def test_what_was_killed_long_ago_is_not_the_reason() -> None:
    log = ("Killed", *(["going on"] * 40))
    assert explain(f"{_OLD}2", log) == Reason("its command ended with exit code 2")
