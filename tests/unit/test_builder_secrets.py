"""What travels to a build, and under which name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.builder.secrets import BUNDLES, gathered, read
from toolkit.engine.buildkit import LARGEST_SECRET
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
        (PEM + b"#" * LARGEST_SECRET, f"a build secret at most {LARGEST_SECRET}"),
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


# By name.


def test_a_secret_is_read_from_a_file_or_a_variable(tmp_path: Path) -> None:
    """Its bytes, whatever they are; a file's name may have a comma, quoted as docker has it."""
    (tmp_path / "a,b").write_bytes(b"\x00\xff\n")
    named = [f'id=one,"src={tmp_path}/a,b"', "id=two,env=TOKEN"]
    assert read(named, {"TOKEN": "s\udcff"}) == {"one": b"\x00\xff\n", "two": b"s\xff"}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["src=x"], "the secret 'src=x' has no id"),
        (["id=x"], "the secret 'id=x' names not one file or variable"),
        (["id=x,src=a,env=B"], "the secret 'id=x,src=a,env=B' names not one file or variable"),
        (["id=x,value=hunter2"], "the secret cannot be understood at 'value=…'"),
        (["id=x,src="], "the secret cannot be understood at 'src='"),
        (["x"], "the secret cannot be understood at 'x'"),
        (["id=x\nsrc=a"], "the secret has a line break in its words"),
        ([""], "the secret '' has no id"),
        (
            ["id=a b,env=V"],
            "the secret id 'a b' is not a name of letters, digits, `.`, `_` and `-`",
        ),
        (["id=environment,env=V"], "the secret id 'environment' is the builder's own"),
        (["id=x,env=V", "id=x,env=V"], "the secret x is given twice"),
        (
            ["id=x,env=GONE"],
            "the secret x is to come from the variable GONE, which is not set",
        ),
        (
            ["id=x,src=/no/such"],
            "the secret x cannot be read from /no/such: No such file or directory",
        ),
        (["id=x,src=/"], "the secret x cannot be read from /: Is a directory"),
        (
            ["id=x,env=LONG"],
            f"the secret x has {LARGEST_SECRET + 1} bytes, a build secret at most {LARGEST_SECRET}",
        ),
    ],
)
def test_a_secret_that_cannot_be_had_is_refused(texts: list[str], message: str) -> None:
    """In one sentence, with a hint, and without a value."""
    with pytest.raises(SpecError) as caught:
        read(texts, {"V": "v", "LONG": "x" * (LARGEST_SECRET + 1)})
    assert str(caught.value) == message
    assert caught.value.hint
    assert caught.value.exit_code == 3


def test_what_is_named_travels_beside_the_environment() -> None:
    """An id that means nothing to us is a template's."""
    named = {"mine": b"1", "netrc": b"machine a login b password c\n"}
    assert sent({"PIP_INDEX_URL": "u"}, named=named) == {
        "environment": b"PIP_INDEX_URL=u\n",
        **named,
    }


def test_a_named_bundle_wins_over_the_environment_and_a_pip_conf(tmp_path: Path) -> None:
    """Whoever names one means it."""
    (tmp_path / "env.pem").write_bytes(PEM)
    (tmp_path / "pip.pem").write_bytes(PEM + b"pip")
    environment = {"SSL_CERT_FILE": str(tmp_path / "env.pem")}
    conf = f"[global]\ncert = {tmp_path}/pip.pem\n".encode()
    assert sent(environment, named={"ca": PEM + b"ca", "pip.conf": conf})["ca"] == PEM + b"ca"
    assert sent(environment, named={"pip.conf": conf})["ca"] == PEM + b"pip"
    assert (
        sent(environment, named={"pip.conf": conf.replace(b"cert", b"--cert")})["ca"]
        == PEM + b"pip"
    )
    assert sent(environment, named={"pip.conf": b"[global]\ntimeout = 1\n"})["ca"] == PEM


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"ca_bundle": Path("x.pem"), "named": {"ca": PEM}},
            "the CA bundle is given twice, by --ca-bundle and by --secret id=ca",
        ),
        (
            {"named": {"ca": b"none"}},
            "the CA bundle of --secret id=ca holds no PEM certificate",
        ),
        (
            {"named": {"pip.conf": b"[global]\nindex-url = https://a:SECRET@b/\nSECRET"}},
            "the secret pip.conf is not a file that pip can read",
        ),
        (
            {"named": {"pip.conf": b"[global]\ncert = /no/such.pem"}},
            "the CA bundle /no/such.pem cannot be read: No such file or directory",
        ),
        (
            {"named": {"pip.conf": b"[global]\nclient-cert = me.pem"}},
            "the secret pip.conf names a client certificate, which does not reach a build",
        ),
        (
            {
                "netrc": b"machine h login a password b\n",
                "named": {"netrc": b"machine x login a password b machine h login c password d"},
            },
            "the login for h is given twice, by the requirements and by --secret id=netrc",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(options: dict[str, object], message: str) -> None:
    """And no message quotes what may be secret."""
    with pytest.raises(SpecError) as caught:
        sent({}, **options)
    assert str(caught.value) == message
    assert caught.value.hint


def test_logins_of_the_requirements_and_of_a_file_are_put_together() -> None:
    """Of different hosts, so that no program has to choose."""
    theirs = b"machine b login c password d\n"
    ours = b"machine a login c password d\n"
    assert sent({}, netrc=ours, named={"netrc": theirs}) == {"netrc": ours + theirs}
