"""The executors as components of AutoGen 0.7: `CodeExecutor` of autogen-core, and asynchronous.

    pip install 'executor-toolkit[autogen]'

Hidden here: that the work is the synchronous executors', done in threads, so that no object belongs
to an event loop and every loop of the process may use one executor; AutoGen's own exact texts; and
what a component writes into its configuration.

Later versions of AutoGen load components only from namespaces that they were told to trust: for a
configuration with ours in it set AUTOGEN_ALLOWED_PROVIDER_NAMESPACES=toolkit.
"""

from toolkit.integrations.autogen.asynchronous import CommandLineCodeResult
from toolkit.integrations.autogen.docker import DockerCommandLineCodeExecutor, DockerConfig
from toolkit.integrations.autogen.local import LocalCommandLineCodeExecutor, LocalConfig

__all__ = [
    "CommandLineCodeResult",
    "DockerCommandLineCodeExecutor",
    "DockerConfig",
    "LocalCommandLineCodeExecutor",
    "LocalConfig",
]
