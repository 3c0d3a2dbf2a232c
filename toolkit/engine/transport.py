"""The HTTP client for all but `quick`, and the one function that takes a connection out of it.

Hidden here: docker-py (one client a thread and a process, for its clients are documented as
neither thread- nor fork-safe), API negotiation, and the private attributes behind an upgrade.
Imported lazily, because it imports docker.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import threading
import weakref
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

import docker.api
import docker.auth
import docker.errors
import docker.tls
import docker.transport
import requests

from toolkit.engine import dialing, failures, troubles, wire
from toolkit.engine.endpoint import Endpoint, Tls
from toolkit.engine.stream import ByteStream, SocketStream
from toolkit.engine.unix_http import UnixAdapter
from toolkit.errors import EngineError, EngineUnreachableError, Hint, RegistryError
from toolkit.reference import ImageReference

_OLDEST_API: Final = (1, 41)
_CONNECT_SECONDS: Final = 10.0


class _Client(docker.api.APIClient):
    """docker-py's client, but its Unix adapter is ours and its own CA is the one that counts.

    An engine by ssh is reached by our adapter, too: docker-py's own cannot be upgraded.
    """

    def __init__(self, *, base_url: str, **options: Any) -> None:  # noqa: ANN401 - docker-py's
        self._ssh = base_url if base_url.startswith("ssh://") else ""
        super().__init__(base_url="unix:///ssh" if self._ssh else base_url, **options)

    def mount(self, prefix: Any, adapter: Any) -> None:  # noqa: ANN401 - requests' signature
        if isinstance(adapter, docker.transport.UnixHTTPAdapter):
            adapter = UnixAdapter(self._ssh or adapter.socket_path, adapter.timeout)
        super().mount(prefix, adapter)

    def merge_environment_settings(
        self,
        url: Any,  # noqa: ANN401 - requests' signature
        proxies: Any,  # noqa: ANN401 - the same
        stream: Any,  # noqa: ANN401 - the same
        verify: Any,  # noqa: ANN401 - the same
        cert: Any,  # noqa: ANN401 - the same
    ) -> Any:  # noqa: ANN401 - the same
        # REQUESTS_CA_BUNDLE would otherwise win over the CA that the endpoint names.
        own = self.verify if isinstance(self.verify, str) and verify is None else verify
        return super().merge_environment_settings(url, proxies, stream, own, cert)


class Answer:
    """One answer of the engine, read as it comes. `close` ends the connection at once."""

    def __init__(self, response: requests.Response, *, doing: str, endpoint: Endpoint) -> None:
        self._response = response
        self._doing = doing
        self._endpoint = endpoint

    @property
    def status(self) -> int:
        return self._response.status_code

    def chunks(self) -> Iterator[bytes]:
        """Give the body's bytes as they arrive; `EngineUnreachableError` when they break off."""
        with failures.translated(self._doing, self._endpoint):
            yield from self._response.raw.stream(65536, decode_content=True)

    def close(self) -> None:
        """Shut the connection down, so that the engine notices even while it sends."""
        with contextlib.suppress(AttributeError, OSError):  # read to its end, or gone already
            _, connection = _connection(self._response)
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Transport:
    """Requests to one engine, from any thread. Nothing is sent before the first request."""

    def __init__(self, endpoint: Endpoint, *, timeout: float, logins: Any = None) -> None:  # noqa: ANN401 - docker-py's AuthConfig
        self.endpoint = endpoint
        self._timeout = timeout
        self._logins = logins
        self._local = threading.local()
        self._clients: weakref.WeakSet[_Client] = weakref.WeakSet()
        self._api: str | None = None
        self._podman: bool | None = None

    @property
    def is_podman(self) -> bool:
        """Whether the engine is Podman, which says so with every answer."""
        if self._podman is None:
            self.request("GET", "/_ping", doing="asking which engine it is")
        return bool(self._podman)

    def request(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        fine: tuple[int, ...] = (),
        **options: Any,  # noqa: ANN401 - requests' own
    ) -> requests.Response:
        """Send one request and read its whole answer.

        A status of 300 or more, other than those in `fine`, is `EngineRefusedError`. `options`:
        `params`, `headers`, `data`, `json`, `timeout` (seconds; None waits for ever).
        """
        response = self._send(method, path, doing=doing, options=options)
        if response.status_code >= 300 and response.status_code not in fine:
            raise failures.refused(doing, status=response.status_code, words=_words(response))
        return response

    def json(self, method: str, path: str, *, doing: str, **options: Any) -> Any:  # noqa: ANN401 - JSON
        """Send one request and return its answer's JSON."""
        response = self.request(method, path, doing=doing, **options)
        with failures.translated(doing, self.endpoint):
            return response.json()

    def open(self, method: str, path: str, *, doing: str, **options: Any) -> Answer:  # noqa: ANN401 - requests' own
        """Send one request whose answer is read as it comes, with no limit of time."""
        options = {"timeout": None, **options, "stream": True}
        response = self._send(method, path, doing=doing, options=options)
        if response.status_code >= 300:
            with contextlib.closing(response), failures.translated(doing, self.endpoint):
                words = _words(response)
            raise failures.refused(doing, status=response.status_code, words=words)
        return Answer(response, doing=doing, endpoint=self.endpoint)

    def upgrade(
        self,
        path: str,
        *,
        doing: str,
        protocol: str,
        headers: Mapping[str, str] | None = None,
        versioned: bool = True,
        **options: Any,  # noqa: ANN401 - requests' own
    ) -> ByteStream:
        """POST, expect "101 Switching Protocols", and take the connection over.

        `options`: `params`, `json`.
        """
        asked = {"Connection": "Upgrade", "Upgrade": protocol, **(headers or {})}
        options = {**options, "headers": asked, "stream": True}
        response = self._send("POST", path, doing=doing, options=options, versioned=versioned)
        if response.status_code == 101:
            with failures.translated(doing, self.endpoint):
                return _take_over(response)
        with contextlib.closing(response), failures.translated(doing, self.endpoint):
            words = _words(response)
        raise failures.refused(doing, status=response.status_code, words=words)

    def dial(self, *, doing: str, alpn: str | None = None) -> ByteStream:
        """Open a bare connection to where the engine listens."""
        return dialing.dial(self.endpoint, doing=doing, timeout=_CONNECT_SECONDS, alpn=alpn)

    def credentials(self, host: str) -> tuple[str, str] | None:
        """Return user name and password for a registry, where docker's configuration has them.

        An identity token comes as the password of nobody. `EngineError` where a credential helper
        fails.
        """
        doing = f"reading the credentials for {host}"
        with failures.translated(doing, self.endpoint), _readable_logins():
            if self._logins is None:
                self._logins = docker.auth.load_config()
            found = self._logins.resolve_authconfig(host) or {}
        # Docker's file and the credential helpers spell the names differently.
        said = {name.lower(): text for name, text in found.items() if isinstance(text, str)}
        if token := said.get("identitytoken"):
            return "", token
        user, password = said.get("username", ""), said.get("password", "")
        return (user, password) if user or password else None

    def registry_auth(self, reference: ImageReference) -> dict[str, str]:
        """Return the header with docker's configured credentials for the registry of a name.

        `RegistryError` where they lie in a store that does not give them out.
        """
        client = self._client()
        registry, _ = docker.auth.resolve_repository_name(reference.name)
        try:
            header = docker.auth.get_config_header(client, registry)
        except docker.errors.DockerException as error:
            host = troubles.host_of(reference)
            raise RegistryError(
                f"docker's credentials for {host} cannot be read: {error}",
                hint=Hint(
                    "install the credential helper that docker's config.json names, or take it"
                    f" out there and run {troubles.login(host)}",
                    check="client.config",
                ),
                reference=str(reference),
                trouble="denied",
            ) from error
        return {"X-Registry-Auth": header.decode()} if header else {}

    def close(self) -> None:
        """Close every thread's client."""
        for client in tuple(self._clients):
            client.close()
        self._clients.clear()
        self._local = threading.local()

    def release(self) -> None:
        """Close the calling thread's client."""
        client = self._local.__dict__.pop("client", None)
        if client is not None:
            self._clients.discard(client)
            client.close()

    def _send(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        options: Mapping[str, Any],
        versioned: bool = True,
    ) -> requests.Response:
        client = self._client()
        prefix = f"/v{client.api_version}" if versioned else ""
        sent = {"timeout": self._timeout, "allow_redirects": False, **options}
        limit = sent.pop("timeout")
        connecting = _CONNECT_SECONDS if limit is None else min(limit, _CONNECT_SECONDS)
        with failures.translated(doing, self.endpoint):
            response: requests.Response = client.request(
                method, f"{client.base_url}{prefix}{path}", timeout=(connecting, limit), **sent
            )
        self._podman = "Libpod-API-Version" in response.headers
        return response

    def _client(self) -> _Client:
        found: _Client | None = getattr(self._local, "client", None)
        if found is not None and self._local.pid == os.getpid():
            return found
        client = self._connected()
        self._local.client, self._local.pid = client, os.getpid()
        self._clients.add(client)
        return client

    def _connected(self) -> _Client:
        with failures.translated("connecting", self.endpoint), _readable_logins():
            client = _Client(
                base_url=self.endpoint.address,
                # Asked once; the engine's own version is then used by every thread.
                version=self._api or "auto",
                timeout=self._timeout,
                tls=_tls(self.endpoint.tls),
            )
        # Headers of docker's configuration, e.g. for a proxy before the socket.
        extra = getattr(client, "_general_configs", {}).get("HttpHeaders") or {}
        client.headers.update(extra)
        self._api = client.api_version
        if _numbers(self._api) < _OLDEST_API:
            client.close()
            raise failures.too_old(self.endpoint, f"API {self._api}")
        return client


@contextlib.contextmanager
def _readable_logins() -> Iterator[None]:
    """docker-py reads every login that is configured, of any registry, before it connects."""
    try:
        yield
    except ValueError as error:  # its text may hold a part of a password
        raise EngineError(
            "docker's config.json has a login that is not base64 of user:password",
            hint=Hint("log in again, or take the entry out", check="client.config"),
        ) from error


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _tls(tls: Tls | None) -> docker.tls.TLSConfig | bool:
    if tls is None:
        return False
    pair = (tls.cert, tls.key) if tls.cert and tls.key else None
    return docker.tls.TLSConfig(client_cert=pair, ca_cert=tls.ca, verify=tls.verify)


def _words(response: requests.Response) -> str:
    """Return the engine's own words in an answer that says no."""
    try:
        said = json.loads(response.content)
    except ValueError:
        return response.text.strip()
    if not isinstance(said, dict):
        return str(said)
    # Podman answers a push that failed with what would be an object of the stream.
    return str(said.get("message") or wire.error_words(said) or said)


def _take_over(response: requests.Response) -> ByteStream:
    """Take the connection of an upgraded response, and what http.client has read ahead.

    The body must not be touched before (that closes the connection) and the response must live as
    long as the stream (collected, it closes a TLS socket): it is the stream's `release`.
    """
    try:
        buffered, connection = _connection(response)
    except AttributeError as error:
        response.close()
        raise EngineUnreachableError(
            "the connection was closed as it was upgraded",
            hint=Hint(
                "let DOCKER_HOST lead to the engine itself, or to a proxy that lets connections"
                " be upgraded",
                check="endpoint.proxy",
            ),
        ) from error
    connection.settimeout(0)
    early = b""
    with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
        early = buffered.read1(65536) or b""
    return SocketStream(connection, early=early, release=response.close)


def _connection(response: requests.Response) -> tuple[Any, socket.socket]:
    """Reach through urllib3 and http.client: the buffered reader and the socket below it.

    No public API leads there. `AttributeError` once the response has been read to its end.
    """
    raw: Any = response.raw
    buffered = raw._fp.fp  # noqa: SLF001 - see above
    return buffered, buffered.raw._sock  # noqa: SLF001 - see above
