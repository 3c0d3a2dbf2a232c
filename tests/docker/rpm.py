"""RPM packages made on the spot, and a base that says it is Fedora's and is their source.

No image of such a distribution can be pulled everywhere. dnf itself is real: Debian has it.
"""

from __future__ import annotations

from typing import Final

from tests.docker.debian import MARKER
from toolkit.context import ContextFile, Tar, pack

TOOLS: Final = ("dnf", "createrepo-c", "rpm")
"""Debian packages that a base needs for it."""

_RELEASE: Final = """\
ID=nobodys
ID_LIKE="rhel fedora"
VERSION_ID="41"
PRETTY_NAME="Nobody's Linux 41"
"""
_SPEC: Final = rf"""
Name: tk-word
Version: 1.0
Release: 1
Summary: none
License: none
BuildArch: noarch
Requires: tk-letters
Recommends: tk-besides
%description
none
%install
mkdir -p %{{buildroot}}/usr/share/tk
echo hello > %{{buildroot}}/usr/share/tk/word
%files
/usr/share/tk/word
%post
ls /run/secrets > /usr/share/tk/secrets 2>&1
for each in /run/toolkit/*; do touch "$each/{MARKER}"; done
true
%package -n tk-letters
Summary: none
Provides: /bin/sh
%description -n tk-letters
none
%files -n tk-letters
%package -n tk-besides
Summary: none
%description -n tk-besides
none
%files -n tk-besides
"""
_SOURCE: Final = """
set -e
cd /srv
mv release /usr/lib/os-release
rpmbuild -bb --define '_topdir /srv/made' --define '_rpmdir /srv/rpm' word.spec
createrepo_c --quiet rpm
mkdir -p /etc/yum.repos.d
cd /etc/yum.repos.d
printf '[local]\\nname=local\\nbaseurl=file:///srv/rpm\\ngpgcheck=0\\n' > local.repo
"""


def source_of(base: str) -> Tar:
    """What builds a base of another name, whose dnf has `tk-word`, which needs `tk-letters`.

    The script of `tk-word` writes down which secrets it sees, and marks every folder of ours.
    """
    text = f'FROM {base}\nUSER 0\nCOPY . /srv\nRUN ["sh", "/srv/source"]\n'
    files = {"Dockerfile": text, "source": _SOURCE, "word.spec": _SPEC, "release": _RELEASE}
    return pack([ContextFile(path, content.encode()) for path, content in files.items()])
