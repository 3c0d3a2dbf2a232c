"""The verbs for containers, for what runs in them, and for their networks and volumes.

Hidden here: the paths and status codes, and which refusals are no failures: what is to be removed
may be gone, or going. And that Podman makes a folder where a mount's source is missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from toolkit.engine.stream import ByteStream
from toolkit.errors import EngineRefusedError

if TYPE_CHECKING:
    from toolkit.engine.transport import Transport

_REMOVALS = 4
"""How often it is tried to remove one that has been killed and whose end the engine has not heard
of: each time it listens for ten seconds."""


class ContainerVerbs:
    """The part of `Engine` that is about containers."""

    @property
    def _transport(self) -> Transport:
        raise NotImplementedError

    def create_container(self, config: Mapping[str, Any], *, name: str | None = None) -> str:
        """Create a container from a body of the Engine API; returns its id.

        A mount whose source is missing is refused, and nothing is made in its place.
        """
        mounts = (config.get("HostConfig") or {}).get("Mounts") or ()
        binds = [mount for mount in mounts if mount.get("Type") == "bind"]
        if binds and self._transport.is_podman:
            self._check_sources(config, binds, name)
        made = self._transport.json(
            "POST",
            "/containers/create",
            doing="creating a container",
            params={"name": name} if name else {},
            json=config,
        )
        return str(made["Id"])

    def start_container(self, container: str) -> bool:
        """Start it; False when it was running already."""
        path = f"/containers/{quoted(container)}/start"
        doing = "starting a container"
        return self._transport.request("POST", path, doing=doing, fine=(304,)).status_code != 304

    def attach_container(self, container: str) -> ByteStream:
        """Attach to stdin, stdout and stderr; before the start, so that nothing is missed.

        What comes is for `wire.AttachDecoder`, where the container has no tty.
        """
        return self._transport.upgrade(
            f"/containers/{quoted(container)}/attach",
            doing="attaching to a container",
            protocol="tcp",
            params={"stream": "1", "stdin": "1", "stdout": "1", "stderr": "1"},
        )

    def inspect_container(self, container: str) -> dict[str, Any] | None:
        """Return the container as the engine describes it; None where there is none."""
        return self.look(f"/containers/{quoted(container)}/json", "inspecting a container")

    def list_containers(
        self, label: str | None = None, *, timeout: float | None = None
    ) -> list[dict[str, Any]]:
        """Containers in any state that carry the label (`key` or `key=value`), or all.

        `timeout` is seconds for the answer, where it is not to be the engine's own.
        """
        doing = "listing containers"
        return self._listed("/containers/json", label, doing=doing, timeout=timeout, all="1")

    def remove_container(self, container: str) -> None:
        """Kill and remove a container and its anonymous volumes; gone or going is fine."""
        for left in reversed(range(_REMOVALS)):
            try:
                self._transport.request(
                    "DELETE",
                    f"/containers/{quoted(container)}",
                    doing="removing a container",
                    fine=(404,),
                    params={"force": "1", "v": "1"},
                )
            except EngineRefusedError as error:
                if _is_going(error):
                    return
                if not (left and _is_dying(error)):
                    raise
            else:
                return

    def kill_container(self, container: str, signal: str = "SIGKILL") -> None:
        path = f"/containers/{quoted(container)}/kill"
        self._transport.request(
            "POST", path, doing="sending a signal to a container", params={"signal": signal}
        )

    def end_container(self, container: str) -> None:
        """Kill a container's processes and keep the container; gone or ended is fine."""
        try:
            self.kill_container(container)
        except EngineRefusedError as error:
            if error.status != 404 and not (error.status == 409 and "not running" in error.message):
                raise

    def wait_container(
        self,
        container: str,
        *,
        condition: Literal["not-running", "next-exit", "removed"] = "not-running",
        timeout: float | None = None,
    ) -> int:
        """Wait until the condition holds; returns the exit code.

        `timeout` is seconds, after which `EngineUnreachableError` is raised; None waits for ever.
        """
        path = f"/containers/{quoted(container)}/wait"
        said = self._transport.json(
            "POST",
            path,
            doing="waiting for a container",
            params={"condition": condition},
            timeout=timeout,
        )
        return int(said["StatusCode"])

    def container_path_exists(self, container: str, path: str) -> bool:
        """Whether the container, started or not, has something at the path (tmpfs is not seen)."""
        answer = self._transport.request(
            "HEAD",
            f"/containers/{quoted(container)}/archive",
            doing="looking into a container",
            fine=(404,),
            params={"path": path},
        )
        return answer.status_code == 200

    def put_files(self, container: str, folder: str, tar: bytes) -> None:
        """Unpack a tar in a folder of the container, started or not; it must not be read-only."""
        self._transport.request(
            "PUT",
            f"/containers/{quoted(container)}/archive",
            doing="putting files into a container",
            params={"path": folder},
            headers={"Content-Type": "application/x-tar"},
            data=tar,
        )

    def commit_container(self, container: str) -> str:
        """Make an image without a name of the container's files; returns its id.

        It inherits the container's configuration, labels and environment too.
        """
        made = self._transport.json(
            "POST",
            "/commit",
            doing="making an image of a container",
            params={"container": container},
            json={},
        )
        return str(made["Id"])

    # a command in a running container

    def create_exec(
        self,
        container: str,
        command: Sequence[str],
        *,
        tty: bool = False,
        user: str | None = None,
        environment: Sequence[str] = (),
    ) -> str:
        """Prepare a command, its input and both outputs attached; returns its id.

        `user` and `environment` (`NAME=value`) are put over the container's own.
        """
        body = {
            "Cmd": list(command),
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": tty,
            "Env": list(environment),
            **({"User": user} if user else {}),
        }
        path = f"/containers/{quoted(container)}/exec"
        made = self._transport.json(
            "POST", path, doing="preparing a command in a container", json=body
        )
        return str(made["Id"])

    def start_exec(self, exec_id: str, *, tty: bool = False) -> ByteStream:
        """Start it; the stream is as that of `attach_container`, or raw where it has a tty."""
        return self._transport.upgrade(
            f"/exec/{exec_id}/start",
            doing="starting a command in a container",
            protocol="tcp",
            json={"Detach": False, "Tty": tty},
        )

    def resize_exec(self, exec_id: str, *, columns: int, lines: int) -> None:
        """Tell a command's terminal its size."""
        params = {"w": str(columns), "h": str(lines)}
        doing = "resizing a command's terminal"
        self._transport.request("POST", f"/exec/{exec_id}/resize", doing=doing, params=params)

    def exec_exit_code(self, exec_id: str) -> int | None:
        """How a command ended; None while it runs, or when its container is gone."""
        said = self.look(f"/exec/{exec_id}/json", "inspecting a command in a container") or {}
        code = said.get("ExitCode")
        return None if code is None or said.get("Running") else int(code)

    def _check_sources(
        self, config: Mapping[str, Any], binds: Sequence[Mapping[str, Any]], name: str | None
    ) -> None:
        """See that they are there: Podman would make them, but not by its own way of creating."""
        body = {
            "image": config["Image"],
            "labels": config.get("Labels") or {},
            "mounts": [
                {
                    "type": "bind",
                    "source": bind["Source"],
                    "destination": bind["Target"],
                    "options": ["rbind"],
                }
                for bind in binds
            ],
            **({"name": name} if name else {}),
        }
        doing, path = "creating a container", "/libpod/containers/create"
        try:
            made = self._transport.json("POST", path, doing=doing, json=body)
        except EngineRefusedError as error:
            if "no such file" in error.message:
                raise
            return  # whatever else it is will be said in Docker's way, too
        self.remove_container(str(made["Id"]))

    # networks and volumes

    def list_networks(
        self, label: str | None, *, timeout: float | None = None
    ) -> list[dict[str, Any]]:
        """Networks that carry the label, or all."""
        return self._listed("/networks", label, doing="listing networks", timeout=timeout)

    def list_volumes(self, label: str, *, timeout: float | None = None) -> list[dict[str, Any]]:
        """Volumes that carry the label."""
        doing = "listing volumes"
        said = self._listed("/volumes", label, doing=doing, timeout=timeout, key="Volumes")
        return list(said or ())

    def remove_network(self, network: str) -> None:
        """Remove a network; one that is gone is fine."""
        path = f"/networks/{quoted(network)}"
        self._transport.request("DELETE", path, doing="removing a network", fine=(404,))

    def remove_volume(self, volume: str) -> None:
        """Remove a volume that no container uses; one that is gone is fine."""
        path = f"/volumes/{quoted(volume)}"
        self._transport.request("DELETE", path, doing="removing a volume", fine=(404,))

    def look(self, path: str, doing: str) -> dict[str, Any] | None:
        """Ask for one thing as JSON; None where there is none."""
        try:
            return dict(self._transport.json("GET", path, doing=doing))
        except EngineRefusedError as error:
            # Podman answers 500 for a container that is just being removed.
            if error.status == 404 or (error.status == 500 and _is_gone(error)):
                return None
            raise

    def _listed(
        self,
        path: str,
        label: str | None,
        *,
        doing: str,
        timeout: float | None,
        key: str = "",
        **params: str,
    ) -> list[dict[str, Any]]:
        filters = {} if label is None else {"filters": json.dumps({"label": [label]})}
        asked = {**params, **filters}
        limit = {} if timeout is None else {"timeout": timeout}
        said = self._transport.json("GET", path, doing=doing, params=asked, **limit)
        return list((said[key] if key else said) or ())


def quoted(part: str) -> str:
    """Return a reference or id as part of a path: slashes and colons stay."""
    return quote(part, safe="/:@")


def _is_gone(error: EngineRefusedError) -> bool:
    said = error.message.lower()
    return "no such container" in said or "does not exist in database" in said


def _is_dying(error: EngineRefusedError) -> bool:
    """Whether the engine has killed it and has not heard of its end: under load, or a slow disk."""
    return error.status == 500 and "did not receive an exit event" in error.message


def _is_going(error: EngineRefusedError) -> bool:
    if error.status == 409:
        return "already in progress" in error.message
    return error.status == 500 and _is_gone(error)
