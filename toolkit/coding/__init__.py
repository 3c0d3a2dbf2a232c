"""Blocks of code in, results out, behind the names that AutoGen's users know.

Hidden here: how a block becomes a file and a program, and AutoGen's manners (names, texts, exit
codes). The values and the naming are pure; the executors own what runs.
"""

from toolkit.coding.blocks import CodeBlock
from toolkit.coding.docker import DockerCommandLineCodeExecutor
from toolkit.coding.extraction import CodeExtractor, MarkdownCodeExtractor
from toolkit.coding.function_source import to_stub
from toolkit.coding.functions import (
    Alias,
    FunctionWithRequirements,
    FunctionWithRequirementsStr,
    ImportFromModule,
    with_requirements,
)
from toolkit.coding.local import LocalCommandLineCodeExecutor
from toolkit.coding.pool import ExecutorPool
from toolkit.coding.protocols import CodeExecutor
from toolkit.coding.results import BlockResult, CommandLineCodeResult, FileChange
from toolkit.coding.streaming import Output
from toolkit.coding.virtual_env import create_virtual_env

__all__ = [
    "Alias",
    "BlockResult",
    "CodeBlock",
    "CodeExecutor",
    "CodeExtractor",
    "CommandLineCodeResult",
    "DockerCommandLineCodeExecutor",
    "ExecutorPool",
    "FileChange",
    "FunctionWithRequirements",
    "FunctionWithRequirementsStr",
    "ImportFromModule",
    "LocalCommandLineCodeExecutor",
    "MarkdownCodeExtractor",
    "Output",
    "create_virtual_env",
    "to_stub",
    "with_requirements",
]
