"""docker-py's adapter for Unix sockets, mended: one pool, and no socket lost or left to a fork.

The original keeps a pool for each URL, so that hardly a connection is used twice, and leaves the
socket of a failed connect to the garbage collector (a ResourceWarning long after the cause). An
engine by ssh is behind such a socket, too. Imported by `transport` alone.
"""

from __future__ import annotations

import threading
from typing import Any

from docker.transport import unixconn

from toolkit.engine import dialing


class _Connection(unixconn.UnixHTTPConnection):
    def connect(self) -> None:
        limit: Any = self.timeout
        dialled = dialing.by_ssh if self.unix_socket.startswith("ssh://") else dialing.unix
        self.sock = dialled(self.unix_socket, limit)


class _Pool(unixconn.UnixHTTPConnectionPool):
    def _new_conn(self) -> Any:  # noqa: ANN401 - its classes and its stubs disagree
        limit: Any = self.timeout
        return _Connection(self.base_url, self.socket_path, limit)


class UnixAdapter(unixconn.UnixHTTPAdapter):
    """All requests to one socket share one pool. The path may be an address `ssh://…`."""

    def __init__(self, socket_path: str, timeout: Any) -> None:  # noqa: ANN401 - docker-py's
        super().__init__(f"http+unix://{socket_path}", timeout)
        self.socket_path = socket_path
        self._lock = threading.Lock()
        self._pool: _Pool | None = None

    def get_connection(self, url: Any, proxies: Any = None) -> _Pool:  # noqa: ANN401, ARG002 - docker-py's
        with self._lock:
            if self._pool is None:
                self._pool = _Pool("http://localhost", self.socket_path, self.timeout)
            return self._pool

    def close(self) -> None:
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None
        super().close()
