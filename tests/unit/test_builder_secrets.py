"""What travels to a build, and under which name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.builder.secrets import BUNDLES, MAX_BYTES, gathered
from toolkit.errors import SpecError

PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def sent(environment: dict[str, str], **named: object) -> dict[str, bytes]:
    options = {"ca_bundle": None, "netrc": None} | named
    return dict(gathered(environment, **options))  # type: ignore[arg-type]


def test_an_empty_environment_sends_nothing() -> None:
    """No secret, no mount to fill."""
    assert sent({"HOME": "/root", "PATH": "/bin", "PIP_INDEX_URL": ""}) == {}


def test_proxies_travel_in_both_spellings() -> None:
    """Curl and apt read the lower-case one, others the upper-case one."""
    assert sent({"https_proxy": "http://p:1", "NO_PROXY": "a,b"})["environment"] == (
        b"HTTPS_PROXY=http://p:1\nNO_PROXY=a,b\nhttps_proxy=http://p:1\nno_proxy=a,b\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "UV_INDEX",
        "UV_INDEX_COMPANY_PASSWORD",
        "UV_EXTRA_INDEX_URL",
    ],
)
def test_index_settings_travel(name: str) -> None:
    """As the issue lists them."""
    assert sent({name: "https://u:p@host/simple"})["environment"] == (
        f"{name}=https://u:p@host/simple\n".encode()
    )


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "PIP_TARGET", "XUV_INDEX", "UV_PYTHON"])
def test_nothing_else_travels(name: str) -> None:
    """A build sees what it needs."""
    assert sent({name: "x"}) == {}


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_a_shell_reads_back_exactly_what_was_sent(value: str) -> None:
    """The step sources the file; no value may become a command."""
    file = sent({"PIP_INDEX_URL": value})["environment"]
    script = b'. /dev/stdin; printf %s "$PIP_INDEX_URL"'
    result = subprocess.run(["sh", "-c", script], input=file, capture_output=True, check=True)
    assert result.stdout.decode() == value
    assert result.stderr == b""


@pytest.mark.parametrize("name", BUNDLES)
def test_the_environment_names_the_bundle(tmp_path: Path, name: str) -> None:
    """Each of the four variables that tools read."""
    (tmp_path / "ca.pem").write_bytes(PEM)
    assert sent({name: str(tmp_path / "ca.pem")}) == {"ca": PEM}


def test_a_variable_that_names_no_file_is_passed_over(tmp_path: Path) -> None:
    """REQUESTS_CA_BUNDLE may name a folder, and a stale one is not the build's business."""
    (tmp_path / "ca.pem").write_bytes(PEM)
    names = {"SSL_CERT_FILE": str(tmp_path / "gone"), "PIP_CERT": str(tmp_path)}
    assert sent(names | {"CURL_CA_BUNDLE": str(tmp_path / "ca.pem")}) == {"ca": PEM}


def test_a_bundle_named_outright_wins(tmp_path: Path) -> None:
    """The flag is the last word."""
    (tmp_path / "a.pem").write_bytes(PEM)
    (tmp_path / "b.pem").write_bytes(PEM + PEM)
    environment = {"SSL_CERT_FILE": str(tmp_path / "a.pem")}
    assert sent(environment, ca_bundle=tmp_path / "b.pem") == {"ca": PEM + PEM}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\x30\x82", "holds no PEM certificate"),
        (PEM + b"#" * MAX_BYTES, f"a build secret at most {MAX_BYTES}"),
    ],
)
def test_a_bundle_that_is_none_is_refused(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    """Before anything is built."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        sent({}, ca_bundle=path)
    assert words in str(caught.value)
    assert caught.value.hint


def test_credentials_of_the_requirements_travel_as_netrc() -> None:
    """Under an id that the install step knows."""
    assert sent({}, netrc=b"machine x login y password z\n") == {
        "netrc": b"machine x login y password z\n"
    }
