"""Templates: Jinja2, made harmless, and the files of a user's own template.

Hidden here: Jinja2. A template is rendered once, in a sandbox, with no undefined names; a value
that has not passed one of our filters cannot be printed at all; and it sees no file but ours and
those of its own folder that it names, which were read before. What is wrong with one is told with
its file and its line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Final

from toolkit.errors import Hint, TemplateError
from toolkit.reference import ImageReference

if TYPE_CHECKING:
    from jinja2 import Environment

_BESIDE: Final = "./"
_LARGEST: Final = 1 << 20
_FILTER: Final = "use one of the filters that templates/README.md lists, for what it takes"
_THERE: Final = Hint("correct the template at that line")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")


@dataclass(frozen=True, slots=True)
class Template:
    """A user's own template: where it is, and its text with those beside it that it names.

    `texts` are pairs of a name, which begins with `./`, and a text; the first is the template.
    """

    source: Path
    texts: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return self.texts[0][0]


def read(path: Path) -> Template:
    """The template in a file. Raises OSError, and ValueError for what is no text of that size.

    Of what it names only files of its own folder are read; what else it names, rendering refuses.
    """
    folder = path.resolve().parent
    first = f"{_BESIDE}{path.name}"
    texts = {first: _text(path)}
    named = list(_named(texts[first]))
    while named:
        name = named.pop()
        place = (folder / name).resolve()
        if name not in texts and place.is_relative_to(folder) and place.is_file():
            texts[name] = _text(place)
            named += _named(texts[name])
    return Template(path, tuple(texts.items()))


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"{path.name!r} is larger than {_LARGEST >> 20} MiB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name!r} is not text in UTF-8") from error


def _named(text: str) -> Iterator[str]:
    """What a template extends, includes or imports beside it, where it says so in plain text."""
    from jinja2 import Environment, TemplateSyntaxError
    from jinja2.meta import find_referenced_templates

    try:
        found = find_referenced_templates(Environment(autoescape=False).parse(text))  # noqa: S701 - nothing is rendered
        yield from (name for name in found if name and name.startswith(_BESIDE))
    except TemplateSyntaxError:
        return  # rendering says so, with the line


class Printable(str):
    """Text that a filter has made safe to print, or that is a template's own."""

    __slots__ = ()


def render(
    texts: Mapping[str, str], name: str, all_values: Iterable[Mapping[str, object]], *, folder: Path
) -> list[str]:
    """The text of the template of that name for each set of values.

    `folder` is where the names that begin with `./` lie, for messages. Raises TemplateError.
    """
    environment = _environment(texts)
    try:
        _check_blocks(environment, texts, name)
        template = environment.get_template(name)
        return [template.render(values) for values in all_values]
    except Exception as error:  # what a template computes may raise anything
        raise _placed(error, texts, folder) from error


def _environment(texts: Mapping[str, str]) -> Environment:
    from jinja2 import FunctionLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    def load(name: str) -> tuple[str, str, None] | None:
        return (texts[name], name, None) if name in texts else None

    environment = SandboxedEnvironment(
        loader=FunctionLoader(load),
        undefined=StrictUndefined,
        autoescape=False,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        reference=_reference, exec_form=_exec_form, quoted=_quoted, identifier=_identifier
    )
    # What a block or a macro gives is a template's text and values that have been looked at.
    environment.concat = lambda parts: Printable("".join(parts))  # type: ignore[method-assign]
    return environment


def _check_blocks(environment: Environment, texts: Mapping[str, str], name: str) -> set[str]:
    """The blocks of a template and of what it extends.

    Jinja2 leaves out in silence what a template puts into a block that its parent has not.
    """
    from jinja2 import TemplateSyntaxError, nodes

    if name not in texts:
        return set()  # which loading it will say
    parsed = environment.parse(texts[name], name)
    inherited: set[str] = set()
    for each in parsed.find_all(nodes.Extends):
        if not isinstance(each.template, nodes.Const):
            continue
        inherited = _check_blocks(environment, texts, each.template.value)
        for block in parsed.body:
            if inherited and isinstance(block, nodes.Block) and block.name not in inherited:
                near = get_close_matches(block.name, inherited, n=1)
                said = f", did you mean {near[0]!r}?" if near else ""
                raise TemplateSyntaxError(
                    f"{each.template.value} has no block {block.name!r}{said}", block.lineno, name
                )
    return inherited | {block.name for block in parsed.find_all(nodes.Block)}


def _placed(error: Exception, texts: Mapping[str, str], folder: Path) -> TemplateError:
    from jinja2 import TemplateNotFound, TemplateSyntaxError

    place: tuple[str | None, int | None] = (None, None)
    if isinstance(error, TemplateSyntaxError):
        place = error.name, error.lineno
    else:
        for frame, number in walk_tb(error.__traceback__):
            if frame.f_code.co_filename in texts:
                place = frame.f_code.co_filename, number
    name, line = place
    if name is not None and name.startswith(_BESIDE):
        name = str(folder / name)
    where = "".join(f"{part}:" for part in (name, line) if part is not None)
    text = str(error) or type(error).__name__
    if isinstance(error, RecursionError):
        text = "the template extends or includes itself without end"
    elif isinstance(error, TemplateSyntaxError):
        text = (error.message or text).replace(". ", "; ")  # Jinja2's are several sentences
    elif isinstance(error, TemplateNotFound):
        text = f"{error.name!r} is no template of ours, and no file beside this one"
    hint = error.hint if isinstance(error, TemplateError) else _THERE
    return TemplateError(f"{where} {text.rstrip('.')}".strip(), hint=hint)


def _finalize(value: object) -> str:
    str(value)  # a name that is not defined says so itself
    if not isinstance(value, Printable):
        raise TemplateError(
            f"a template prints a {type(value).__name__} that has passed no filter",
            hint=_FILTER,
        )
    return value


def _reference(value: object) -> Printable:
    if not isinstance(value, ImageReference):
        raise TemplateError(f"{value!r} is not an image reference", hint=_FILTER)
    return Printable(value)


def _exec_form(value: object) -> Printable:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TemplateError(f"{value!r} is not a list of strings", hint=_FILTER)
    # ASCII only, so that every control character is an escape and the line stays one line.
    return Printable(json.dumps(value))


def _quoted(value: object) -> Printable:
    text = str(value)
    found = _CONTROL.search(text)
    if found:
        raise TemplateError(
            f"{text!r} holds a control character at position {found.start()}",
            hint="leave it out of the value",
        )
    escaped = re.sub(r'([\\"$])', r"\\\1", text)
    return Printable(f'"{escaped}"')


def _identifier(value: object) -> Printable:
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise TemplateError(f"{value!r} is not an identifier", hint=_FILTER)
    return Printable(value)
