"""environment.yml, as far as an index of Python packages can meet it: its `pip:` list, its Python.

Hides YAML, which an extra brings, and conda's way of writing a version. Whatever else conda is
asked for is refused by name: what its channels have is not what an index has under that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from toolkit.deps import closure
from toolkit.deps.gathering import Gathering
from toolkit.deps.python import PythonWish, wish
from toolkit.deps.sources import Source
from toolkit.errors import SpecError

if TYPE_CHECKING:
    from yaml import Node

_SPEC: Final = re.compile(
    r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>[=<>!~ ].*?)?(?:\[.*\])?"
)
_PIN: Final = re.compile(
    r"(?:==?)?\s*(?P<version>3\.\d{1,2}(?:\.\d{1,3})?)(?P<star>\.\*|\*)?(?:=[^,|]*)?"
)
_OURS: Final = frozenset({"pip"})
"""What every image has anyway."""


def read(content: str, source: Source, into: Gathering) -> None:
    """Read an environment.yml: its Python, and the requirements of its `pip:` list."""
    with into.at(source.shown):
        for node in _dependencies(_composed(content)):
            where = f"{source.shown}:{_line(node)}"
            with into.at(where):
                _dependency(node, where, source, into)


def _dependency(node: Node, where: str, source: Source, into: Gathering) -> None:
    from yaml import MappingNode, ScalarNode

    if isinstance(node, MappingNode):
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or key.value != "pip":
                raise SpecError(
                    "this is neither a package nor a list for pip",
                    hint="write it as in: - pip: [numpy]",
                )
            for each in _list(value, "pip"):
                closure.read_lines(_text(each), _line(each), source, into)
        return
    found = _SPEC.fullmatch(_text(node))
    name = found["name"].lower() if found else ""
    if found and name == "python":
        _python((found["version"] or "").strip(), where, into)
    elif name not in _OURS:
        raise SpecError(
            f"{_text(node)!r} is asked of conda, and images are made without it",
            hint="move it into the pip: list, or name its Debian package with --apt",
        )


def _python(version: str, where: str, into: Gathering) -> None:
    pin = _PIN.fullmatch(version)
    if not version:
        return
    if pin is None:
        into.add_python(wish(version.replace(" ", ""), where))
        return
    exact = pin["version"].count(".") == 2 and not pin["star"]
    specifier = f"=={pin['version']}" if exact else f"=={pin['version']}.*"
    into.add_python(PythonWish(specifier, where, pin=pin["version"]))


def _composed(content: str) -> Node | None:
    """The document as YAML has it, with its lines. Raises SpecError."""
    try:
        import yaml
    except ImportError as error:
        raise SpecError(
            "reading YAML needs PyYAML, which is not installed",
            hint="pip install 'executor-toolkit[conda]'",
        ) from error
    try:
        return yaml.compose(content, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" on line {mark.line + 1}" if mark else ""
        raise SpecError(
            f"the file is not YAML: {error.problem}{line}", hint="correct it there"
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SpecError(
            f"the file is not YAML: {type(error).__name__}", hint="correct it"
        ) from error


def _dependencies(document: Node | None) -> Iterator[Node]:
    from yaml import MappingNode, ScalarNode

    if isinstance(document, MappingNode):
        for key, value in document.value:
            if isinstance(key, ScalarNode) and key.value == "dependencies":
                yield from _list(value, "dependencies")
                return
    raise SpecError(
        "the file has no list of dependencies",
        hint="give an environment.yml of conda's, or another dependency file",
    )


def _list(node: Node, name: str) -> list[Node]:
    from yaml import SequenceNode

    if not isinstance(node, SequenceNode):
        raise SpecError(f"{name} is no list", hint="write an item a line, each after a '- '")
    return list(node.value)


def _text(node: Node) -> str:
    from yaml import ScalarNode

    if not isinstance(node, ScalarNode):
        raise SpecError("this is no text", hint="write an item a line, each after a '- '")
    return str(node.value)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
