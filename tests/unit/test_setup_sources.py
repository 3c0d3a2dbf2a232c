"""Which of a machine's package sources go into an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.setup import sources
from toolkit.setup.sources import Source

DEB822 = """\
# the distribution
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""


def test_both_formats_are_read() -> None:
    assert [source.uris for source in sources.read_deb822(DEB822)] == [
        ("http://mirror.example/debian",),
        ("http://mirror.example/security",),
    ]
    line = "deb [arch=amd64 trusted=yes] http://mirror.example/debian bookworm main  # ours\n"
    assert list(sources.read_one_line(f"# no\n{line}deb-src http://x y z\ndeb broken\n")) == [
        Source(("http://mirror.example/debian",), ("bookworm",), ("main",), {"trusted": "yes"})
    ]


def test_a_key_that_is_written_into_the_stanza_is_kept_in_one_piece() -> None:
    text = "Types: deb\nURIs: http://x\nSuites: s\nComponents: main\nSigned-By:\n -----BEGIN\n .\n"
    (source,) = sources.read_deb822(text)
    assert source.options == {"signed-by": "\n -----BEGIN\n ."}


def test_the_suite_its_updates_and_its_security_are_taken_over() -> None:
    chosen = sources.of_suite(sources.read_deb822(DEB822), "bookworm")
    assert [source.suites for source in chosen] == [
        ("bookworm", "bookworm-updates"),
        ("bookworm-security",),
    ]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            Source(("http://user:pass@mirror/debian",), ("bookworm",), ("main",)), id="password"
        ),
        pytest.param(Source(("file:/srv/debian",), ("bookworm",), ("main",)), id="file"),
        pytest.param(Source(("mirror+file:/etc/m",), ("bookworm",), ("main",)), id="mirror list"),
        pytest.param(Source(("http://x",), ("bookworm",), ("stable",)), id="not main"),
        pytest.param(Source(("http://x",), ("trixie",), ("main",)), id="another suite"),
        pytest.param(Source(("http://x",), ("bookworm-security",), ("main",)), id="security alone"),
        pytest.param(
            Source(("http://x",), ("bookworm",), ("main",), {"signed-by": "/k/vendor.gpg"}),
            id="somebody else's key",
        ),
    ],
)
def test_sources_that_would_not_work_or_not_keep_a_secret_are_left_out(source: Source) -> None:
    assert sources.of_suite([source], "bookworm") == ()


def test_a_stanza_reads_back_as_it_was() -> None:
    source = Source(
        ("http://x", "http://y"), ("s",), ("main",), {"signed-by": "/k", "trusted": "yes"}
    )
    assert list(sources.read_deb822(source.stanza())) == [source]


def test_a_machines_files_are_read_and_those_switched_off_are_not(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("deb http://a s main\n")
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (folder / "b.sources").write_text(DEB822)
    (folder / "c.list.disabled").write_text("deb http://c s main\n")
    assert [source.uris[0] for source in sources.of_machine(tmp_path)] == [
        "http://a",
        "http://mirror.example/debian",
        "http://mirror.example/security",
    ]


def test_a_machine_without_sources_has_none(tmp_path: Path) -> None:
    assert sources.of_machine(tmp_path) == ()
