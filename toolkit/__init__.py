"""From a dependency file to a verified container image, and code run in it.

This is the table of contents: what is named here is public, and nothing is loaded before it is
used, so that importing the package does nothing and is quick. `toolkit.deps`, `toolkit.doctor` and
the other modules are used by their own names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # for type checkers, which do not run __getattr__
    from toolkit.builder import BuildOptions, Plan, build, plan
    from toolkit.coding import (
        Alias,
        BlockResult,
        CodeBlock,
        CommandLineCodeResult,
        DockerCommandLineCodeExecutor,
        ExecutorPool,
        FileChange,
        FunctionWithRequirements,
        FunctionWithRequirementsStr,
        ImportFromModule,
        LocalCommandLineCodeExecutor,
        MarkdownCodeExtractor,
        Output,
        create_virtual_env,
        with_requirements,
    )
    from toolkit.container import Container, ContainerOptions, Mount
    from toolkit.deps import Dependencies
    from toolkit.deps import read as read_dependencies
    from toolkit.engine import Engine, connect
    from toolkit.errors import (
        BaseImageError,
        BuildError,
        ContainerError,
        DiedError,
        EngineError,
        EngineNotFoundError,
        EngineRefusedError,
        EngineTooOldError,
        EngineUnreachableError,
        ExecError,
        ExecTimeoutError,
        ImageReferenceError,
        NotRunningError,
        Problem,
        PullError,
        PushError,
        RegistryError,
        SpecError,
        StartError,
        TemplateError,
        ToolkitError,
        VerificationError,
    )
    from toolkit.image import Image
    from toolkit.lifecycle import ContainerManager, install_signal_handlers
    from toolkit.profile import Limits, Profile
    from toolkit.prompt import SYSTEM_PROMPT
    from toolkit.reference import ImageReference
    from toolkit.spec import ImageSpec
    from toolkit.worker.result import Cancellation, Result

__version__ = "0.1.0"

__all__ = [
    "SYSTEM_PROMPT",
    "Alias",
    "BaseImageError",
    "BlockResult",
    "BuildError",
    "BuildOptions",
    "Cancellation",
    "CodeBlock",
    "CommandLineCodeResult",
    "Container",
    "ContainerError",
    "ContainerManager",
    "ContainerOptions",
    "Dependencies",
    "DiedError",
    "DockerCommandLineCodeExecutor",
    "Engine",
    "EngineError",
    "EngineNotFoundError",
    "EngineRefusedError",
    "EngineTooOldError",
    "EngineUnreachableError",
    "ExecError",
    "ExecTimeoutError",
    "ExecutorPool",
    "FileChange",
    "FunctionWithRequirements",
    "FunctionWithRequirementsStr",
    "Image",
    "ImageReference",
    "ImageReferenceError",
    "ImageSpec",
    "ImportFromModule",
    "Limits",
    "LocalCommandLineCodeExecutor",
    "MarkdownCodeExtractor",
    "Mount",
    "NotRunningError",
    "Output",
    "Plan",
    "Problem",
    "Profile",
    "PullError",
    "PushError",
    "RegistryError",
    "Result",
    "SpecError",
    "StartError",
    "TemplateError",
    "ToolkitError",
    "VerificationError",
    "__version__",
    "build",
    "connect",
    "create_virtual_env",
    "install_signal_handlers",
    "plan",
    "read_dependencies",
    "with_requirements",
]

_HOMES: Final = {
    "Alias": "coding",
    "BlockResult": "coding",
    "BuildOptions": "builder",
    "Cancellation": "worker.result",
    "CodeBlock": "coding",
    "CommandLineCodeResult": "coding",
    "Container": "container",
    "ContainerManager": "lifecycle",
    "ContainerOptions": "container",
    "Dependencies": "deps",
    "DockerCommandLineCodeExecutor": "coding",
    "Engine": "engine",
    "ExecutorPool": "coding",
    "FileChange": "coding",
    "FunctionWithRequirements": "coding",
    "FunctionWithRequirementsStr": "coding",
    "Image": "image",
    "ImageReference": "reference",
    "ImageSpec": "spec",
    "ImportFromModule": "coding",
    "Limits": "profile",
    "LocalCommandLineCodeExecutor": "coding",
    "MarkdownCodeExtractor": "coding",
    "Mount": "container",
    "Output": "coding",
    "Plan": "builder",
    "Profile": "profile",
    "Result": "worker.result",
    "SYSTEM_PROMPT": "prompt",
    "build": "builder",
    "connect": "engine",
    "create_virtual_env": "coding",
    "install_signal_handlers": "lifecycle",
    "plan": "builder",
    "read_dependencies": "deps:read",
    "with_requirements": "coding",
}
"""Where a name lives; what is not listed is an error, of toolkit.errors."""


if not TYPE_CHECKING:  # seen by a type checker, it would make every misspelt name an `object`

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        module, _, original = _HOMES.get(name, "errors").partition(":")
        value = getattr(importlib.import_module(f"{__name__}.{module}"), original or name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
