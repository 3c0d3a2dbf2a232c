"""An image put into a registry without the engine's help: uncompressed, so that it is quick."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import json
import tarfile
import tempfile
from typing import IO, Any, Final

from toolkit.engine import Engine

_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"


def seed(engine: Engine, image: str, registry: str, name: str) -> str:
    """Put an image of the engine into an open registry as `name:1`; gives its digest there."""
    with tempfile.TemporaryFile() as file, contextlib.closing(_Registry(registry, name)) as there:
        with engine.open("GET", f"/images/{image}/get", doing="saving an image") as saved:
            for chunk in saved.chunks():
                file.write(chunk)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            listed = json.loads(_member(archive, "manifest.json").read())[0]
            config = there.blob(_CONFIG, _member(archive, listed["Config"]))
            layers = [there.blob(_LAYER, _member(archive, path)) for path in listed["Layers"]]
        return there.put({"config": config, "layers": layers})


def move(registry: str, name: str, label: str) -> str:
    """Let `name:1` be another image, of the same layers and with a label; gives its digest."""
    with contextlib.closing(_Registry(registry, name)) as there:
        manifest = json.loads(there.get("manifests/1"))
        config = json.loads(there.get(f"blobs/{manifest['config']['digest']}"))
        config["config"]["Labels"] = {**(config["config"].get("Labels") or {}), label: "1"}
        changed = there.blob(_CONFIG, io.BytesIO(json.dumps(config).encode()))
        return there.put({**manifest, "config": changed})


def _member(archive: tarfile.TarFile, path: str) -> IO[bytes]:
    found = archive.extractfile(path)
    assert found is not None
    return found


class _Registry:
    """One repository, spoken to as a client does that is no engine."""

    def __init__(self, address: str, name: str) -> None:
        self._top = f"/v2/{name}"
        self._connection = http.client.HTTPConnection(address, timeout=60)

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str) -> bytes:
        return self._asked("GET", f"{self._top}/{path}", headers={"Accept": _MANIFEST})[0]

    def blob(self, kind: str, content: IO[bytes]) -> dict[str, Any]:
        digest, size = hashlib.sha256(), 0
        while data := content.read(1 << 20):
            digest.update(data)
            size += len(data)
        content.seek(0)
        name = f"sha256:{digest.hexdigest()}"
        _, begun = self._asked("POST", f"{self._top}/blobs/uploads/")
        place = begun.partition("://")[2].partition("/")[2]
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        self._asked("PUT", f"/{place}&digest={name}", content, headers)
        return {"mediaType": kind, "size": size, "digest": name}

    def put(self, manifest: dict[str, Any]) -> str:
        content = json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST, **manifest}).encode()
        self._asked("PUT", f"{self._top}/manifests/1", content, {"Content-Type": _MANIFEST})
        return f"sha256:{hashlib.sha256(content).hexdigest()}"

    def _asked(
        self,
        method: str,
        path: str,
        content: bytes | IO[bytes] = b"",
        headers: dict[str, str] | None = None,
    ) -> tuple[bytes, str]:
        self._connection.request(method, path, content, headers or {})
        answer = self._connection.getresponse()
        said = answer.read()
        assert answer.status < 300, said
        return said, answer.getheader("Location", "")
