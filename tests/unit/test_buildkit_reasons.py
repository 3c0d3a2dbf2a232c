"""Why a step failed, in plain words: real messages of engines 20.10 to 28."""

from __future__ import annotations

import pytest

from toolkit.engine.buildkit.reasons import Reason, explain

_OLD = "executor failed running [/bin/sh -c x]: exit code: "
_NEW = 'process "/bin/sh -c x" did not complete successfully: exit code: '
_NETWORK = "check the engine's network and name resolution, and the proxy variables"
_CA = "name the company's certificates with `--ca-bundle FILE`, or set SSL_CERT_FILE"
_SPACE = "free disk space where the engine keeps its data, e.g. by `docker builder prune`"


@pytest.mark.parametrize("text", [_OLD, _NEW])
def test_an_exit_code_is_the_command_s(text: str) -> None:
    assert explain(f"{text}17") == Reason("its command ended with exit code 17")


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
