"""What is asked inside a container or a build, and how the answer is read.

Hidden here: the program that runs there, on whatever Python is there, and what it is asked with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlsplit

PROGRAM: Final = """\
import hashlib, json, os, socket, ssl, sys
asked = json.loads(sys.argv[1])
said = {"stage": "", "said": "", "late": False, "nameservers": []}
def lines(path):
    try:
        with open(path) as file:
            return file.read().splitlines()
    except OSError:
        return []
def silent(host, port):
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError as error:
        return isinstance(error, socket.timeout)
    return False
def look():
    host, port = asked["host"], asked["port"]
    stage = "name"
    try:
        socket.getaddrinfo(host, port)
        stage = "route"
        with socket.create_connection((host, port), timeout=5) as plain:
            if asked["tls"]:
                stage = "certificate"
                named = asked["bundle"] if os.path.exists(asked["bundle"]) else None
                trusted = named or os.environ.get("SSL_CERT_FILE")
                context = ssl.create_default_context(cafile=trusted)
                context.wrap_socket(plain, server_hostname=host).close()
    except OSError as error:
        said["stage"], said["said"] = stage, str(error)
        said["late"] = isinstance(error, socket.timeout) and stage == "route"
        servers = said["nameservers"]
        if stage == "name" and servers:
            said["late"] = all(silent(server, 53) for server in servers)
found = [line.split() for line in lines("/etc/resolv.conf")]
said["nameservers"] = [words[1] for words in found if len(words) > 1 and words[0] == "nameserver"]
status = [line.partition(":") for line in lines("/proc/self/status")]
said["status"] = {name: value.strip() for name, _, value in status if name in asked["status"]}
disk = os.statvfs("/")
said["disk"] = [disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize]
if asked["secret"]:
    text = "".join(lines(asked["secret"]))
    said["secret"] = hashlib.sha256(text.encode()).hexdigest() == asked["text"]
if asked["host"]:
    look()
if asked["file"]:
    try:
        with open(asked["file"]) as file:
            said["read"] = file.read() == asked["text"]
        with open(asked["file"] + "-back", "w") as file:
            file.write(asked["text"])
    except OSError as error:
        said["files"] = str(error)
print(json.dumps(said))
"""

_STATUS: Final = ("Seccomp", "NoNewPrivs", "CapEff")
_INDEXES: Final = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_DEFAULT_INDEX: Final = "https://pypi.org/simple/"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: a host to be reached, a file to be read and answered, a secret to be there.

    `text` is what the file has, and the digest of what the secret has; `bundle` is a file of
    certificates to be trusted, where it is there.
    """

    host: str = ""
    port: int = 443
    tls: bool = True
    bundle: str = ""
    file: str = ""
    secret: str = ""
    text: str = ""
    status: tuple[str, ...] = _STATUS

    def argv(self, python: str, program: tuple[str, ...]) -> list[str]:
        """Give the command that asks it."""
        return [python, "-I", *program, json.dumps(asdict(self))]


def index(env: Mapping[str, str]) -> str:
    """Name the package index as `https://host:port`; the rest of an address may hold a secret."""
    address = next((env[name] for name in _INDEXES if env.get(name)), _DEFAULT_INDEX)
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else ""


def place(address: str) -> tuple[str, int, bool]:
    """Give host and port of an index, and whether it wants TLS."""
    parts = urlsplit(address)
    tls = parts.scheme == "https"
    return parts.hostname or "", parts.port or (443 if tls else 80), tls


def read(text: str) -> dict[str, Any] | None:
    """Read an answer; None for what is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "stage" in found else None


def outward(found: Mapping[str, Any]) -> dict[str, Any]:
    """Give of an answer what it says of the way to the index, as fields."""
    return {"stage": str(found["stage"]), "said": str(found["said"]), "late": bool(found["late"])}
