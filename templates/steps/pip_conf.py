"""Print, as commands for a shell, the settings of a pip.conf that uv follows under other names.

uv reads no pip.conf. A setting becomes the variable that pip itself has for it, where the
environment has none: variables come before the file. `indexes.sh` then gives uv what pip has. What
a file of certificates is called there means nothing here; the builder sends its content.

Any Python from 3.8 runs this; standard library only.
"""

import configparser
import os
import shlex
import sys

SAME = {  # to the variables that uv and pip read
    "index-url": ("PIP_INDEX_URL",),
    "extra-index-url": ("PIP_EXTRA_INDEX_URL",),
    "trusted-host": ("PIP_TRUSTED_HOST",),
    "find-links": ("PIP_FIND_LINKS", "UV_FIND_LINKS"),
    "no-index": ("PIP_NO_INDEX", "UV_NO_INDEX"),
    "timeout": ("PIP_TIMEOUT", "UV_HTTP_TIMEOUT"),
    "default-timeout": ("PIP_TIMEOUT", "UV_HTTP_TIMEOUT"),
    "proxy": ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "all_proxy"),
}
"""no-index is a flag to uv; find-links are separated by commas there, by blanks here."""


def settings(path):
    """The settings of `[global]`, and of `[install]` over them, as pip reads them."""
    parser = configparser.RawConfigParser()
    with open(path, encoding="utf-8") as file:
        parser.read_file(file)
    found = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            for written, value in parser.items(section):
                name = written.lower().replace("_", "-")
                found[name[2:] if name.startswith("--") else name] = " ".join(value.split())
    return found


def main(path):
    found = settings(path)
    for name, variables in SAME.items():
        for variable in variables:
            value = found.get(name, "")
            if variable == "UV_FIND_LINKS":
                value = value.replace(" ", ",")
            if value and not os.environ.get(variable):
                print("export %s=%s" % (variable, shlex.quote(value)))


main(sys.argv[1])
