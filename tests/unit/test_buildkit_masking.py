"""Secret values do not get out, whatever part of them a command prints."""

from __future__ import annotations

import pytest

from toolkit.engine.buildkit.masking import masker


@pytest.mark.parametrize(
    ("secret", "said", "shown"),
    [
        (b"hunter2", "the token is hunter2.", "the token is ***."),
        (b"hunter2\n", "hunter2", "***"),
        (b"one line\nother line\n", "x other line y", "x *** y"),
        (b"https://me:p%40ss@host/simple", "p%40ss p@ss", "*** ***"),
        (
            b"https://me:pass@host/simple",
            "looking in https://me:pass@host/simple/numpy",
            "looking in ***/numpy",
        ),
        (b"https://me:pass@host/simple", "https://me:****@host pass", "https://me:****@host ***"),
        (
            b"PIP_INDEX_URL='https://t0ken@host/simple'",
            "at https://t0ken@host/",
            "at https://***@host/",
        ),
        (b"UV_INDEX=a=https://t0ken:@host/simple", "401 for t0ken", "401 for ***"),
        (b"machine host login me password pa55", "401 for me:pa55@host", "401 for me:***@host"),
        (b"machine host\n  login me\n  password pa55\n", "pa55", "***"),
        (b"TOKEN=abcdef", "abcdef", "***"),
        (b"export TOKEN='abcdef'\n", "abcdef", "***"),
        (b"PIP_INDEX_URL=https://host/simple", "https://host/simple/x", "https://host/simple/x"),
        ("pässwörd".encode(), "pässwörd", "***"),
        (b"a.*b", "a.*b axxb", "*** axxb"),
        (b"abc", "abcabc", "******"),
        (b"\xff\xfe\xfdbinary", "binary", "binary"),
        (b"", "nothing", "nothing"),
        (b"\n\n", "no\nthing", "no\nthing"),
        (b"ab", "ab is too short to be kept", "ab is too short to be kept"),
    ],
)
def test_what_is_secret_is_masked_and_the_rest_is_left(
    secret: bytes, said: str, shown: str
) -> None:
    assert masker({"environment": secret})(said) == shown


def test_of_two_secrets_the_longer_one_is_masked_whole() -> None:
    assert masker({"one": b"abc", "other": b"abcdef"})("abcdef abc") == "*** ***"


def test_without_secrets_nothing_is_changed() -> None:
    assert masker({})("*** text") == "*** text"


@pytest.mark.parametrize(
    "name", ["NO_PROXY", "no_proxy", "PIP_TRUSTED_HOST", "UV_INSECURE_HOST", "UV_INDEX_STRATEGY"]
)
def test_lists_of_hosts_are_no_secrets_and_what_stands_beside_them_is(name: str) -> None:
    secret = f"A_TOKEN=abcdef\n{name}=localhost\nPIP_INDEX_URL=https://me:pass@host/x\n"
    mask = masker({"environment": secret.encode()})
    assert mask(f"{name}=localhost abcdef pass") == f"{name}=localhost *** ***"


def test_a_host_list_alone_is_left() -> None:
    assert masker({"environment": b"NO_PROXY=localhost\n"})("NO_PROXY=localhost") == (
        "NO_PROXY=localhost"
    )


def test_a_name_that_only_begins_like_a_host_list_is_masked() -> None:
    assert masker({"environment": b"NO_PROXY_TOKEN=abcdef\n"})("abcdef") == "***"


def test_certificates_are_public_and_are_not_looked_for() -> None:
    line = "MIIDSjCCAjKgAwIBAgIQRK+wgNajJ7qJMDmGLvhAazANBgkqhkiG9w0BAQUFADA/"
    bundle = f"-----BEGIN CERTIFICATE-----\n{line}\nAAA\n-----END CERTIFICATE-----\n"
    mask = masker({"ca": bundle.encode(), "netrc": b"machine h login me password pa55"})
    assert mask(f"{line} AAA pa55") == f"{line} AAA ***"


def test_what_is_public_in_a_pip_conf_stays_readable() -> None:
    """`true` and the names of hosts would else be black in every log."""
    conf = b"[global]\nno-index = true\ntrusted-host = pypi\nindex-url = https://me:pa55@host/\n"
    mask = masker({"pip.conf": conf})
    assert mask("true pypi [global] pa55") == "true pypi [global] ***"
    assert masker({"mine": b"cert = letmein\n"})("letmein") == "***"
