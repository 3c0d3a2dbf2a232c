"""Print the path of the pinned `uv`: from the folder given, else fetched into it.

The folder is a cache that other builds share, so a program found there is checked as one that was
fetched is, against the pinned sha256. Prints nothing where there is no uv for this machine, or none
in this index: then pip installs. pip could fetch it, too, and does where the short way fails; but
pip out of ensurepip's wheel takes seconds before it asks for the first byte.

Any Python from 3.8 runs this; standard library only.
"""

import base64
import glob
import hashlib
import io
import json
import netrc
import os
import platform
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
CONTEXT = "/run/toolkit/context"


class NoUvError(Exception):
    """There is no uv for this machine, or none in this index."""


class Pin:
    """The one uv that is used here, by exact version and content."""

    def __init__(self):
        with open(os.path.join(HERE, "uv.json"), encoding="utf-8") as file:
            pins = json.load(file)
        libc = "glibc" if platform.libc_ver()[0] == "glibc" else "musl"
        key = "%s-%s" % (platform.machine(), libc)
        self.version = pins["version"]
        if key not in pins["wheels"]:
            raise NoUvError("uv %s has no wheel for %s" % (self.version, key))
        wheel = pins["wheels"][key]
        self.file, self.wheel_sha256 = wheel["file"], wheel["wheel_sha256"]
        self.program_sha256 = wheel["program_sha256"]
        self.name = "uv-%s-%s" % (self.version, key)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def is_there(path, pin):
    try:
        with open(path, "rb") as file:
            return sha256(file.read()) == pin.program_sha256
    except OSError:
        return False


def use_some_pip():
    """Make `pip` importable: the base's own, else the one that ensurepip carries."""
    try:
        import pip  # noqa: F401
    except ImportError:
        import ensurepip

        beside = os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")
        wheels = [
            wheel
            for folder in (beside, "/usr/share/python-wheels")
            for wheel in glob.glob(os.path.join(folder, "pip-*.whl"))
        ]
        sys.path.insert(0, wheels[0])


def option(name):
    """The value of an option of the requirements file, "" for a flag, None without it."""
    try:
        with open(os.path.join(CONTEXT, "requirements.txt"), encoding="utf-8") as file:
            lines = [line.split() for line in file if line.startswith("--")]
    except OSError:
        return None
    return next(("".join(line[1:2]) for line in lines if line[0] == name), None)


def index_url():
    if option("--index-url"):
        return option("--index-url")
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    use_some_pip()
    from pip._internal.models.index import PyPI

    return PyPI.simple_url


def login_of(url):
    """The (login, password) in the URL, or in the netrc file for its host; None without one."""
    if url.username is not None:
        return urllib.parse.unquote(url.username), urllib.parse.unquote(url.password or "")
    try:
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(url.hostname)
    except (OSError, netrc.NetrcParseError):
        return None
    return found and (found[0], found[2])


def asked(url, login, accepted="*/*"):
    """The answer to a GET; the login is for this URL alone, wherever that sends us."""
    request = urllib.request.Request(url, headers={"Accept": accepted})
    if login:
        pair = base64.b64encode(("%s:%s" % login).encode()).decode()
        request.add_unredirected_header("Authorization", "Basic " + pair)
    return urllib.request.urlopen(request, timeout=60)


def fetched(pin):
    """The wheel, by the simple repository API (PEP 503, PEP 691), whichever form it answers in."""
    index = urllib.parse.urlsplit(index_url().rstrip("/") + "/uv/")
    login, place = login_of(index), index.netloc.rpartition("@")[2]
    page = index._replace(netloc=place).geturl()
    with asked(page, login, "application/vnd.pypi.simple.v1+json, text/html;q=0.5") as answer:
        text, base = answer.read().decode("utf-8", "replace"), answer.geturl()
    links = re.findall(r"""["']([^"'#\s]*%s)(?:#[^"']*)?["']""" % re.escape(pin.file), text)
    link = urllib.parse.urljoin(base, max(links, key=len))
    with asked(link, login if urllib.parse.urlsplit(link).netloc == place else None) as answer:
        wheel = answer.read()
    if sha256(wheel) != pin.wheel_sha256:
        raise ValueError("the index has another %s than the pinned one" % pin.file)
    return wheel


def downloaded(pin):
    """The wheel, by pip: it knows logins, several indexes and retries."""
    use_some_pip()
    with tempfile.TemporaryDirectory() as folder:
        wanted = os.path.join(folder, "wanted.txt")
        with open(wanted, "w", encoding="utf-8") as file:
            file.write("uv==%s --hash=sha256:%s\n" % (pin.version, pin.wheel_sha256))
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary"]
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
        if option("--index-url"):
            environment["PIP_INDEX_URL"] = option("--index-url")
        subprocess.run(
            pip + [":all:", "-d", folder, "-r", wanted], check=True, env=environment, stdout=2
        )
        with open(glob.glob(os.path.join(folder, "uv-*.whl"))[0], "rb") as wheel:
            return wheel.read()


def obtained(pin):
    if option("--no-index") is not None:
        raise NoUvError("the requirements forbid every index")
    try:
        wheel = fetched(pin)
    except Exception as error:
        print("toolkit: %s: %s; asking pip" % (type(error).__name__, error), file=sys.stderr)
        try:
            wheel = downloaded(pin)
        except subprocess.CalledProcessError:
            # Only an index that answered may have none; one that did not answer is a failure.
            if getattr(error, "code", None) == 404:
                raise NoUvError("the index has no uv") from error
            sys.exit("toolkit: uv could not be fetched")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return archive.read("uv-%s.data/scripts/uv" % pin.version)


def main(folder):
    pin = Pin()
    path = os.path.join(folder, pin.name)
    if not is_there(path, pin):
        program = obtained(pin)
        os.makedirs(folder, exist_ok=True)
        # Builds run beside one another: whoever reads the name reads a whole program.
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(program)
        os.chmod(file.name, 0o755)
        os.replace(file.name, path)
    print(path)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except NoUvError as error:
        print("toolkit: %s; pip installs instead" % error, file=sys.stderr)
