"""One peer, driven from its own environment: `python driver.py PEER IMAGE FOLDER`.

Told `open`, `block` or `close` on standard input, a line each, it does that once by the peer's own
documented way and answers with the seconds it took, or with the reason why it could not, in JSON.
Hidden here: each peer's way. Whatever else a peer prints goes to standard error.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

HELLO: Final = "print('hello')"


class Driven(Protocol):
    def open(self) -> None: ...
    def block(self) -> str: ...
    def close(self) -> None: ...


class AutoGen:
    """0.2 and AG2 classic, which have the same classes."""

    def __init__(self, image: str, folder: str) -> None:
        from autogen.coding import CodeBlock, DockerCommandLineCodeExecutor

        self._make = lambda: DockerCommandLineCodeExecutor(image=image, work_dir=folder)
        self._blocks = [CodeBlock(language="python", code=HELLO)]

    def open(self) -> None:
        self._executor = self._make()

    def block(self) -> str:
        return str(self._executor.execute_code_blocks(self._blocks).output)

    def close(self) -> None:
        self._executor.stop()


class AutoGenExt:
    """0.7, asynchronous."""

    def __init__(self, image: str, folder: str) -> None:
        from autogen_core import CancellationToken
        from autogen_core.code_executor import CodeBlock
        from autogen_ext.code_executors.docker import DockerCommandLineCodeExecutor

        self._loop = asyncio.new_event_loop()
        self._make = lambda: DockerCommandLineCodeExecutor(image, work_dir=folder)
        self._token = CancellationToken
        self._blocks = [CodeBlock(HELLO, "python")]

    def open(self) -> None:
        self._executor = self._make()
        self._loop.run_until_complete(self._executor.start())

    def block(self) -> str:
        work = self._executor.execute_code_blocks(self._blocks, self._token())
        return str(self._loop.run_until_complete(work).output)

    def close(self) -> None:
        self._loop.run_until_complete(self._executor.stop())


class LlmSandbox:
    """Without the installation that it makes by default at every open."""

    def __init__(self, image: str, _folder: str) -> None:
        from llm_sandbox import SandboxSession

        self._make = lambda: SandboxSession(
            lang="python", image=image, keep_template=True, skip_environment_setup=True
        )

    def open(self) -> None:
        self._session = self._make()
        self._session.open()

    def block(self) -> str:
        return str(self._session.run(HELLO).stdout)

    def close(self) -> None:
        self._session.close()


class Smolagents:
    """Its kernel gateway, in an image that has it already."""

    def __init__(self, image: str, _folder: str) -> None:
        from smolagents.monitoring import AgentLogger, LogLevel
        from smolagents.remote_executors import DockerExecutor

        gateway = ["jupyter", "kernelgateway", "--KernelGatewayApp.ip=0.0.0.0"]
        self._make = lambda: DockerExecutor(
            [],
            AgentLogger(level=LogLevel.OFF),
            image_name=image,
            build_new_image=False,
            port=free_port(),
            container_run_kwargs={"command": [*gateway, "--KernelGatewayApp.port=8888"]},
        )

    def open(self) -> None:
        self._executor = self._make()

    def block(self) -> str:
        return str(self._executor.run_code_raise_errors(HELLO).logs)

    def close(self) -> None:
        self._executor.cleanup()


class SweRex:
    """`execute`, which needs no session and is its quickest way."""

    def __init__(self, image: str, _folder: str) -> None:
        from swerex.deployment.docker import DockerDeployment
        from swerex.runtime.abstract import Command

        self._loop = asyncio.new_event_loop()
        self._make = lambda: DockerDeployment(image=image, pull="never")
        self._command = Command(command=["python", "-c", HELLO])

    def open(self) -> None:
        self._deployment = self._make()
        self._loop.run_until_complete(self._deployment.start())

    def block(self) -> str:
        done = self._loop.run_until_complete(self._deployment.runtime.execute(self._command))
        return str(done.stdout)

    def close(self) -> None:
        self._loop.run_until_complete(self._deployment.stop())


class OpenAiAgents:
    """The Docker client of its sandboxes."""

    def __init__(self, image: str, _folder: str) -> None:
        import docker
        from agents.sandbox.sandboxes.docker import DockerSandboxClient, DockerSandboxClientOptions

        self._loop = asyncio.new_event_loop()
        self._client = DockerSandboxClient(docker.from_env())
        self._options = DockerSandboxClientOptions(image=image)

    def open(self) -> None:
        self._session = self._loop.run_until_complete(self._client.create(options=self._options))
        self._loop.run_until_complete(self._session.start())

    def block(self) -> str:
        work = self._session.exec("python", "-c", HELLO, shell=False)
        return str(self._loop.run_until_complete(work).stdout.decode())

    def close(self) -> None:
        self._loop.run_until_complete(self._session.aclose())
        self._loop.run_until_complete(self._client.delete(self._session))


PEERS: Final[dict[str, Callable[[str, str], Driven]]] = {
    "autogen-0.2": AutoGen,
    "classic": AutoGen,
    "autogen-ext": AutoGenExt,
    "llm-sandbox": LlmSandbox,
    "smolagents": Smolagents,
    "swe-rex": SweRex,
    "openai-agents": OpenAiAgents,
}


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def done(driven: Driven, command: str) -> float:
    """Do one thing and time it; a block that says something else has failed."""
    begun = time.perf_counter()
    said = getattr(driven, command)()
    taken = time.perf_counter() - begun
    if command == "block" and said.strip() != "hello":
        raise RuntimeError(f"the block said {said!r}")
    return taken


def main() -> None:
    name, image, folder = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    driven: Driven | None = None
    for line in sys.stdin:
        answer: dict[str, Any]
        try:
            driven = driven or PEERS[name](image, folder)
            answer = {"seconds": done(driven, line.strip())}
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is the answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
