"""Which package is installed how, and never without consent."""

from __future__ import annotations

import pytest

from toolkit.errors import EngineError
from toolkit.setup import packages
from toolkit.setup.packages import Distribution, read_os_release, recipe
from toolkit.setup.programs import Rights

BOOKWORM = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
# a comment
VERSION_CODENAME=bookworm
ID=debian
"""


def test_os_release_is_read_with_its_quotes() -> None:
    assert read_os_release(BOOKWORM) == Distribution(
        id="debian", codename="bookworm", name="Debian GNU/Linux 12 (bookworm)"
    )


def test_an_os_release_that_says_nothing_is_an_unknown_linux() -> None:
    assert read_os_release("") == Distribution(id="linux", name="linux")


@pytest.mark.parametrize(
    ("distribution", "package"),
    [
        (Distribution("debian"), "docker.io"),
        (Distribution("ubuntu", like=("debian",)), "docker.io"),
        (Distribution("linuxmint", like=("ubuntu", "debian")), "docker.io"),
        (Distribution("fedora"), "moby-engine"),
        (Distribution("alpine"), "docker"),
        (Distribution("manjaro", like=("arch",)), "docker"),
        (Distribution("opensuse-leap", like=("suse", "opensuse")), "docker"),
        (Distribution("rhel", like=("fedora",)), None),
        (Distribution("nixos"), None),
    ],
)
def test_each_distribution_has_its_own_engine_package(
    distribution: Distribution, package: str | None
) -> None:
    found = recipe("engine", distribution)
    assert (found.package if found else None) == package


def test_mmdebstrap_is_known_only_where_it_is_packaged() -> None:
    assert recipe("mmdebstrap", Distribution("debian")) is not None
    assert recipe("mmdebstrap", Distribution("alpine")) is None


def test_the_commands_to_type_are_short() -> None:
    found = recipe("engine", Distribution("debian"))
    assert found is not None
    assert packages.by_hand(found.commands) == (
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends docker.io"
    )


def _install(*, access: Rights, answer: bool) -> list[str]:
    """Install a package whose commands fail if they are run; tells what was asked."""
    asked: list[str] = []

    def consent(question: str) -> bool:
        asked.append(question)
        return answer

    wanted = packages.Recipe("docker.io", (("false", "install", "docker.io"),))
    packages.install(wanted, env={}, access=access, consent=consent, say=lambda _line: None)
    return asked


def test_without_consent_nothing_is_run_and_the_commands_are_named() -> None:
    with pytest.raises(EngineError) as caught:
        _install(access=Rights(("sudo", "-n")), answer=False)
    assert str(caught.value) == (
        "`docker.io` is not installed, and there is no consent to install it"
    )
    assert caught.value.hint == (
        "repeat the command with --yes, or type: sudo false install docker.io"
    )


def test_without_a_road_to_root_nobody_is_even_asked() -> None:
    with pytest.raises(EngineError) as caught:
        _install(access=Rights(None), answer=True)
    assert str(caught.value) == (
        "`docker.io` is not installed, and installing it needs root's rights"
    )
    assert caught.value.hint == "as an administrator, type: sudo false install docker.io"


def test_an_installation_that_fails_says_why() -> None:
    with pytest.raises(EngineError, match=r"`docker\.io` could not be installed: "):
        _install(access=Rights(()), answer=True)
