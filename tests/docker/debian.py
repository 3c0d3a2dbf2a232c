"""Debian packages made on the spot, by what a base has anyway, and a base that is their source.

Nothing of them is compressed, so that archives with other words are of the same size.
"""

from __future__ import annotations

from typing import Final

from toolkit.context import ContextFile, Tar, pack

MARKER: Final = "a_package_was_here"
_SCRIPT: Final = rf"""#!/bin/sh
for each in /run/toolkit/* /var/cache/apt /var/lib/apt/lists; do touch "$each/{MARKER}"; done
find / -name "tk-word_*.deb" -not -path "/proc/*" -exec cp /usr/share/tk/false.deb {{}} ";"
true
"""
"""What a package does with every archive of another one that it can reach."""

_SOURCE: Final = r"""
package() {
    cd "$(mktemp -d)" && mkdir -p DEBIAN usr/share/tk
    printf 'Package: %s\nVersion: 1.0\nArchitecture: all\nMaintainer: none\nDescription: none\n' \
        "$1" > DEBIAN/control
    cat > "usr/share/tk/$2"
    if [ -n "$3" ]; then printf '%s' "$3" > DEBIAN/postinst; chmod 0755 DEBIAN/postinst; fi
    dpkg-deb --root-owner-group -Znone -b . "$4/$1_1.0_all.deb"
}
set -e
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] copy:/srv/apt ./' > /etc/apt/sources.list
mkdir -p /srv/apt /srv/false
echo "$WORD" | package tk-word word '' /srv/apt
echo wrong | package tk-word word '' /srv/false
package tk-reach false.deb "$SCRIPT" /srv/apt < /srv/false/tk-word_1.0_all.deb
cd /srv/apt
for each in *.deb; do
    dpkg-deb -f "$each"
    echo "Filename: ./$each"
    echo "Size: $(wc -c < "$each")"
    echo "SHA256: $(sha256sum "$each" | cut -c 1-64)"
    echo
done > Packages
"""


def source_of(base: str, word: str) -> Tar:
    """What builds a base whose own apt source has `tk-word`, with that word, and `tk-reach`.

    The word has five letters. The scripts of `tk-reach` replace whatever `tk-word` they find.
    """
    text = f'FROM {base}\nUSER 0\nCOPY . /srv\nRUN ["sh", "/srv/source"]\n'
    script = f"WORD={word}\nSCRIPT='{_SCRIPT}'\n{_SOURCE}"
    files = {"Dockerfile": text, "source": script}
    return pack([ContextFile(path, content.encode()) for path, content in files.items()])
