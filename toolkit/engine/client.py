"""`Engine`: the verbs that are said to Docker, each with our errors only.

Hidden here: paths, parameters and status codes of the Engine API, and what of them differs between
Docker and Podman.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, Self
from urllib.parse import urlencode

from toolkit.engine import endpoint as endpoints
from toolkit.engine import failures, quick, wire
from toolkit.engine.containers import ContainerVerbs, quoted
from toolkit.engine.endpoint import Endpoint
from toolkit.engine.registries import RegistryVerbs
from toolkit.engine.stream import ByteStream
from toolkit.errors import EngineError, EngineRefusedError
from toolkit.reference import DEFAULT_TAG, ImageReference

if TYPE_CHECKING:
    from toolkit.engine.transport import Answer, Transport

_LOG: Final = logging.getLogger(__name__)
_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class EngineVersion:
    """What the engine says it is; versions as written, such as `20.10.24` and `1.41`."""

    version: str
    api: str
    min_api: str
    os: str
    arch: str
    flavour: Literal["docker", "podman"]


def connect(
    address: str | None = None,
    *,
    env: Mapping[str, str] | None = None,
    timeout: float = _SECONDS,
) -> Engine:
    """Choose an engine. Nothing is sent before the first verb.

    `timeout` is seconds that an answer may take. `EngineNotFoundError` for a context that is gone.
    """
    world = os.environ if env is None else env
    home = endpoints.home_folder(world)
    endpoint = endpoints.resolve(address, env=world, home=home)
    _LOG.info("the engine is %s: %s", endpoint, endpoint.reason)
    return Engine(endpoint, timeout=timeout)


class Engine(ContainerVerbs, RegistryVerbs):
    """One Docker engine. Usable from several threads; `close` it, or use it in a `with`."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout: float = _SECONDS,
        logins: Any = None,  # noqa: ANN401 - docker-py's AuthConfig
    ) -> None:
        """`logins` are registries' credentials; by default docker's own configuration is read."""
        self.endpoint = endpoint
        self._timeout = timeout
        self._logins = logins
        self._opened: Transport | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; streams that were handed out live on."""
        if self._opened is not None:
            self._opened.close()

    def release(self) -> None:
        """Close what this thread alone has used; for a thread that ends."""
        if self._opened is not None:
            self._opened.release()

    # the engine itself

    def ping(self) -> None:
        """Ask whether it answers; an `EngineError` where it does not."""
        self._transport.request("GET", "/_ping", doing="asking whether the engine answers")

    def version(self) -> EngineVersion:
        said = self._transport.json("GET", "/version", doing="asking for the engine's version")
        components = said.get("Components") or []
        podman = any("podman" in str(part.get("Name", "")).lower() for part in components)
        return EngineVersion(
            version=said.get("Version", ""),
            api=said.get("ApiVersion", ""),
            min_api=said.get("MinAPIVersion", ""),
            os=said.get("Os", ""),
            arch=said.get("Arch", ""),
            flavour="podman" if podman else "docker",
        )

    def info(self) -> dict[str, Any]:
        """Return what `GET /info` says, as it is."""
        return dict(self._transport.json("GET", "/info", doing="asking for the engine's state"))

    # images

    def inspect_image(self, ref: str) -> dict[str, Any] | None:
        """Return the image as the engine describes it; None where there is none of that name."""
        path = f"/images/{quoted(ref)}/json"
        answer = self._quickly(path)
        if answer is not None:
            status, said = answer
            return dict(said) if status == 200 else None
        return self.look(path, f"inspecting the image {ref}")

    def list_images(self, label: str | None = None) -> list[dict[str, Any]]:
        """Images that carry the label (`key` or `key=value`), or all."""
        params = {} if label is None else {"filters": json.dumps({"label": [label]})}
        answer = self._quickly(f"/images/json?{urlencode(params)}")
        if answer is not None and answer[0] == 200:
            return list(answer[1])
        return list(
            self._transport.json("GET", "/images/json", doing="listing images", params=params)
        )

    def image_history(self, ref: str) -> list[dict[str, Any]]:
        """Return what made the image, the newest first; nothing where there is no such image."""
        try:
            path = f"/images/{quoted(ref)}/history"
            return list(self._transport.json("GET", path, doing=f"asking for the history of {ref}"))
        except EngineRefusedError as error:
            if error.status == 404:
                return []
            raise

    def tag_image(self, image_id: str, reference: ImageReference) -> None:
        params = {"repo": reference.name, "tag": reference.tag or DEFAULT_TAG}
        self._transport.request(
            "POST",
            f"/images/{quoted(image_id)}/tag",
            doing=f"tagging an image as {reference}",
            params=params,
        )

    def remove_image(self, ref: str, *, force: bool = False) -> None:
        """Remove an image or a tag; one that is absent is fine."""
        self._transport.request(
            "DELETE",
            f"/images/{quoted(ref)}",
            doing=f"removing the image {ref}",
            fine=(404,),
            params={"force": "1"} if force else {},
        )

    def import_image(self, tar: BinaryIO, *, changes: Sequence[str] = ()) -> str:
        """Make an image of a root file system, read as it is sent; returns the image's id.

        `changes` are Dockerfile instructions such as `LABEL a=b`; labels come no other way.
        """
        doing = "importing an image"
        answer = self._transport.open(
            "POST",
            "/images/create",
            doing=doing,
            params={"fromSrc": "-", "changes": list(changes)},
            headers={"Content-Type": "application/x-tar"},
            data=tar,
        )
        image_id = ""
        with answer:
            for item in wire.objects(answer.chunks()):
                if words := wire.error_words(item):
                    raise EngineError(f"{doing} failed: {words}", hint=failures.hint_for(words))
                image_id = str(item.get("status", image_id))
        if not image_id.startswith("sha256:"):
            raise failures.lost(doing, self.endpoint)
        return image_id

    # streams

    def upgrade(
        self,
        path: str,
        *,
        doing: str,
        protocol: str = "h2c",
        headers: Mapping[str, str] | None = None,
    ) -> ByteStream:
        """Turn a request to an unversioned path into a raw connection (`/session`, `/grpc`).

        `EngineRefusedError` where the engine answers anything but 101.
        """
        return self._transport.upgrade(
            path, doing=doing, protocol=protocol, headers=headers, versioned=False
        )

    def dial(self, *, doing: str, alpn: str | None = None) -> ByteStream:
        """Open a bare connection to where the engine listens; TLS must agree on `alpn`."""
        return self._transport.dial(doing=doing, alpn=alpn)

    def credentials(self, host: str) -> tuple[str, str] | None:
        """Return user name and password for a registry's host, where they are configured.

        An identity token comes with an empty user name. Docker Hub is `docker.io`.
        """
        return self._transport.credentials(host)

    def open(self, method: str, path: str, *, doing: str, **options: Any) -> Answer:  # noqa: ANN401 - requests' own
        """Send a request and read the answer as it comes; close the answer to end it early."""
        return self._transport.open(method, path, doing=doing, **options)

    def _quickly(self, target: str) -> tuple[int, Any] | None:
        """Ask without docker-py, as long as nobody has needed it; None where that cannot be."""
        path = self.endpoint.socket_path
        if self._opened is not None or path is None:
            return None
        return quick.asked(path, target, timeout=self._timeout)

    @property
    def _transport(self) -> Transport:
        if self._opened is None:
            from toolkit.engine.transport import Transport  # it imports docker

            self._opened = Transport(self.endpoint, timeout=self._timeout, logins=self._logins)
        return self._opened
