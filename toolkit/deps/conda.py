"""environment.yml: its packages of conda's and where they come from, its `pip:` list, its Python.

Hides YAML, which an extra brings, and conda's way of writing a version and a channel. Where nothing
but Python and pip is asked of conda, it is not needed: an index of Python packages meets the rest.
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
    r"(?:[A-Za-z0-9_./-]+::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)\s*"
    r"(?P<version>[=<>!~ ].*?)?(?:\[.*\])?"
)
_PIN: Final = re.compile(
    r"(?:==?)?\s*(?P<version>3\.\d{1,2}(?:\.\d{1,3})?)(?P<star>\.\*|\*)?(?:=[^,|]*)?"
)
_OURS: Final = frozenset({"python", "pip"})
"""What every image has anyway."""
_CHANNEL: Final = re.compile(r"(?:https?://|file:///)?[A-Za-z0-9_][A-Za-z0-9_./:-]*")
_DEFAULTS: Final = (
    "https://repo.anaconda.com/pkgs/main",
    "https://repo.anaconda.com/pkgs/r",
)
"""What conda means by the channel `defaults`."""
_USUAL: Final = "conda-forge"
_TOKEN: Final = re.compile(r"://[^/]*@|/t/")


def read(content: str, source: Source, into: Gathering) -> None:
    """Read an environment.yml: its Python, its packages, and those of its `pip:` list."""
    with into.at(source.shown):
        document = _composed(content)
        packages: dict[str, str] = {}  # each with its place
        for node in _dependencies(document):
            where = f"{source.shown}:{_line(node)}"
            with into.at(where):
                _dependency(node, where, source, into, packages)
        if {_name(each) for each in packages} - _OURS:
            into.add_conda(packages, _channels(document, source, into))


def _dependency(
    node: Node, where: str, source: Source, into: Gathering, packages: dict[str, str]
) -> None:
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
    text = _text(node)
    found = _SPEC.fullmatch(text)
    if found is None or not text.isprintable():
        raise SpecError(
            f"{text!r} is not a package of conda's with its version",
            hint="write it as in: - numpy=1.26, or: - conda-forge::gdal>=3.8",
        )
    packages[text] = where
    if _name(text) == "python":
        _python((found["version"] or "").strip(), where, into)


def _name(text: str) -> str:
    found = _SPEC.fullmatch(text)
    return found["name"].lower() if found else ""


def _channels(document: Node | None, source: Source, into: Gathering) -> list[str]:
    """Where packages are looked for, in this order; conda-forge, where the file says nothing."""
    from yaml import MappingNode

    found: dict[str, None] = {}
    for key, value in document.value if isinstance(document, MappingNode) else ():
        for node in _list(value, "channels") if key.value == "channels" else ():
            with into.at(f"{source.shown}:{_line(node)}"):
                found |= dict.fromkeys(_channel(_text(node)))
    return list(found) or [_USUAL]


def _channel(text: str) -> tuple[str, ...]:
    if _TOKEN.search(text):
        raise SpecError(
            "the channel has a login, which belongs in a netrc file",
            hint="take it out, and give it with --secret id=netrc,src=FILE",
        )
    if not _CHANNEL.fullmatch(text):
        raise SpecError(
            f"{text!r} is not the name or the URL of a channel", hint="write it as: conda-forge"
        )
    return {"defaults": _DEFAULTS, "nodefaults": ()}.get(text, (text,))


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
