"""What a source lacked to be built, as Debian packages: pure, from the words of build tools.

Hides how compilers, meson, CMake, pkg-config and setup scripts say that something is missing, as
recorded from real failures, and which package has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_COMPILER: Final = "build-essential"
_MYSQL: Final = "default-libmysqlclient-dev"

_TOOLS: Final = {
    r"Unknown compiler\(s\): \[\['cc'|need a C compiler|[Nn]o acceptable C compiler": _COMPILER,
    r"No CMAKE_C(?:XX)?_COMPILER could be found": _COMPILER,
    r"(?:directory: |unable to execute |command )'(?:\S*-)?(?:gcc|cc|g\+\+|c\+\+)'": _COMPILER,
    r"\b(?:gcc|cc|g\+\+|c\+\+|make): (?:\d+: )?(?:command )?not found": _COMPILER,
    r"can't find Rust compiler|cargo, the Rust package manager, is not installed": "cargo",
    r"Unknown compiler\(s\): \[\['gfortran'|[Nn]o Fortran compiler": "gfortran",
    r"CMake must be installed|\bcmake: (?:command )?not found": "cmake",
    r"\bpkg-config: (?:command )?not found|Did not find pkg-config": "pkg-config",
    r"Pkg-config for machine .{0,40}not found": "pkg-config",
    r"pg_config executable not found": "libpq-dev",
    r"mysql_config: (?:command )?not found|pkg-config --exists mysqlclient": _MYSQL,
    r"\bxml2-config|\bxslt-config": "libxslt1-dev",
    r"\bgdal-config": "libgdal-dev",
    r"\bcurl-config": "libcurl4-openssl-dev",
    r"\bswig: (?:command )?not found|directory: 'swig'": "swig",
}
"""What is said, and what has the tool that was looked for in vain."""

_HEADER: Final = re.compile(r"fatal error: ([\w./+-]+\.h(?:pp)?): No such file or directory")
_LOOKUP: Final = re.compile(
    r"Dependency lookup for (\S+) with method|Dependency \"(\S+?)\" not found"
    r"|No package '(\S+?)' found|Package (\S+) was not found in the pkg-config search path"
)
_DEVELOPMENT: Final = {
    "Python.h": "python3-dev",
    "alsa/asoundlib.h": "libasound2-dev",
    "bzlib.h": "libbz2-dev",
    "cairo": "libcairo2-dev",
    "cairo.h": "libcairo2-dev",
    "curl/curl.h": "libcurl4-openssl-dev",
    "dbus-1": "libdbus-1-dev",
    "expat.h": "libexpat1-dev",
    "ffi.h": "libffi-dev",
    "fftw3.h": "libfftw3-dev",
    "freetype2": "libfreetype-dev",
    "ft2build.h": "libfreetype-dev",
    "girepository-1.0": "libgirepository1.0-dev",
    "glib-2.0": "libglib2.0-dev",
    "gmp.h": "libgmp-dev",
    "graphviz/cgraph.h": "libgraphviz-dev",
    "hdf5.h": "libhdf5-dev",
    "jpeglib.h": "libjpeg-dev",
    "krb5.h": "libkrb5-dev",
    "lber.h": "libldap-dev",
    "ldap.h": "libldap-dev",
    "leveldb/db.h": "libleveldb-dev",
    "libffi": "libffi-dev",
    "libpq-fe.h": "libpq-dev",
    "libusb-1.0": "libusb-1.0-0-dev",
    "libxml-2.0": "libxml2-dev",
    "libxml/xmlversion.h": "libxml2-dev",
    "libxslt/xsltconfig.h": "libxslt1-dev",
    "lzma.h": "liblzma-dev",
    "magic.h": "libmagic-dev",
    "mpfr.h": "libmpfr-dev",
    "mysql.h": _MYSQL,
    "ncurses.h": "libncurses-dev",
    "openblas": "libopenblas-dev",
    "openssl": "libssl-dev",
    "openssl/ssl.h": "libssl-dev",
    "openssl/opensslv.h": "libssl-dev",
    "pcap.h": "libpcap-dev",
    "png.h": "libpng-dev",
    "portaudio.h": "portaudio19-dev",
    "readline/readline.h": "libreadline-dev",
    "sasl/sasl.h": "libsasl2-dev",
    "snappy-c.h": "libsnappy-dev",
    "sndfile.h": "libsndfile1-dev",
    "sql.h": "unixodbc-dev",
    "sqlite3.h": "libsqlite3-dev",
    "systemd/sd-daemon.h": "libsystemd-dev",
    "libsystemd": "libsystemd-dev",
    "yaml.h": "libyaml-dev",
    "zlib": "zlib1g-dev",
    "zlib.h": "zlib1g-dev",
    "zmq.h": "libzmq3-dev",
}
"""Headers, and names of pkg-config, by the package of bookworm and trixie that has them."""


def packages(flat: str) -> tuple[str, ...]:
    """The Debian packages that were missing, as far as they are known, the tools first."""
    return tuple(dict.fromkeys(_packages(flat)))


def unknown(flat: str) -> tuple[str, ...]:
    """Headers and libraries that were missing too, and of which no package is known."""
    return tuple(dict.fromkeys(name for name in _looked_for(flat) if name not in _DEVELOPMENT))


def _packages(flat: str) -> Iterator[str]:
    for pattern, package in _TOOLS.items():
        if re.search(pattern, flat):
            yield package
    for name in _looked_for(flat):
        if name in _DEVELOPMENT:
            yield _DEVELOPMENT[name]


def _looked_for(flat: str) -> Iterator[str]:
    yield from _HEADER.findall(flat)
    for found in _LOOKUP.findall(flat):
        yield next(filter(None, found)).strip("\"'`,")
