"""Image names: what Docker's and the OCI's grammar allow, taken apart once.

Hides the one ambiguity that string splitting trips over: in `localhost:5000/x` the colon belongs
to a port, in `x:5000` to a tag, and whether the first component is a registry is decided by a dot,
a port or the word `localhost` (distribution's reference grammar). Every value is valid from its
construction on, so nobody downstream checks again.

Stricter than the grammar, on purpose: an image id (64 hexadecimal digits, with or without
`sha256:`) is no name, a registry is never guessed from upper case, and the limit of 255 characters
counts the registry, as the OCI distribution specification advises and older engines demand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from toolkit.errors import ImageReferenceError

DEFAULT_TAG: Final = "latest"
HUB: Final = "docker.io"
OFFICIAL: Final = "library"
MAX_NAME: Final = 255
MAX_TAG: Final = 128

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{MAX_TAG - 1}}}")
_ALGORITHM = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{32,}")
_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_SCHEME = re.compile(r"(?:https?|docker|oci)://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A name such as `registry:5000/team/app:1.2@sha256:…`, its parts as they were written.

    `registry` is None where none was written; `path` has one component or more; `tag` and `digest`
    are None where absent. Construction raises ImageReferenceError for parts that no engine takes.
    """

    registry: str | None
    path: str
    tag: str | None = None
    digest: str | None = None

    def __post_init__(self) -> None:
        _check_name(self)
        if self.tag is not None and not _TAG.fullmatch(self.tag):
            raise _refusal(
                str(self),
                f"has the tag {self.tag!r}",
                f"use at most {MAX_TAG} letters, digits, '_', '.' and '-' in a tag, "
                "and begin it with none of '.' and '-'",
            )
        if self.digest is not None:
            _check_digest(self, self.digest)

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Take a reference apart; `str()` of the result is the text again.

        Raises ImageReferenceError, with the reason and a hint.
        """
        _check_text(text)
        rest, at, digest = text.partition("@")
        head, slash, last = rest.rpartition("/")
        last, colon, tag = last.partition(":")
        name = head + slash + last
        first, slash, path = name.partition("/")
        registry = first if slash and _is_registry(first) else None
        return cls(
            registry=registry,
            path=name if registry is None else path,
            tag=tag if colon else None,
            digest=digest if at else None,
        )

    def __str__(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{self.name}{tag}{digest}"

    @property
    def name(self) -> str:
        """Registry and path as written, without tag and digest."""
        return self.path if self.registry is None else f"{self.registry}/{self.path}"

    @property
    def normalized(self) -> ImageReference:
        """The same image with its registry written out: `ubuntu` → `docker.io/library/ubuntu`."""
        registry, path = _normalize(self.registry, self.path)
        return replace(self, registry=registry, path=path)

    @property
    def familiar(self) -> ImageReference:
        """The same image as people write it: `docker.io/library/ubuntu` → `ubuntu`."""
        registry, path = _normalize(self.registry, self.path)
        if registry != HUB:
            return self
        first, _, rest = path.partition("/")
        if first == OFFICIAL and "/" not in rest:
            return replace(self, registry=None, path=rest)
        # docker.io/foo.bar/x without its registry would be x of the registry foo.bar.
        return replace(self, registry=HUB if _is_registry(first) else None, path=path)

    @property
    def tagged(self) -> ImageReference:
        """The same with the tag that is meant where none is written."""
        return self if self.tag is not None else replace(self, tag=DEFAULT_TAG)

    def with_tag(self, tag: str | None) -> ImageReference:
        """Give the same name and digest with this tag, or with none."""
        return replace(self, tag=tag)

    def with_digest(self, digest: str | None) -> ImageReference:
        """Give the same name and tag with this digest, or with none."""
        return replace(self, digest=digest)


def _is_registry(component: str) -> bool:
    return component == "localhost" or "." in component or ":" in component


def _normalize(registry: str | None, path: str) -> tuple[str, str]:
    if registry not in (None, HUB, f"index.{HUB}"):
        return str(registry), path
    return HUB, path if "/" in path else f"{OFFICIAL}/{path}"


def _refusal(text: str, trouble: str, hint: str) -> ImageReferenceError:
    return ImageReferenceError(f"image reference {text!r} {trouble}", hint=hint)


def _check_text(text: str) -> None:
    if not text:
        raise ImageReferenceError(
            "image reference is empty", hint="name an image, such as python:3-slim"
        )
    if scheme := _SCHEME.match(text):
        raise _refusal(text, "is a URL", f"write it without {scheme[0]!r}")
    if _ID.fullmatch(text):
        raise _refusal(
            text,
            "is an image id, not a name",
            "give the image a name with `docker tag` and use that name",
        )


def _check_name(reference: ImageReference) -> None:
    registry, path = reference.registry, reference.path
    if registry is not None and not (_is_registry(registry) and _REGISTRY.fullmatch(registry)):
        raise _refusal(
            str(reference),
            f"has the registry {registry!r}",
            "write a registry as host, host:port or [IPv6]:port",
        )
    for component in path.split("/"):
        if not _COMPONENT.fullmatch(component):
            raise _bad_component(reference, component)
    first, slash, _ = path.partition("/")
    if registry is None and slash and _is_registry(first):
        raise _refusal(
            str(reference), "has a registry in its path", "pass the registry as such, or parse"
        )
    full = "/".join(_normalize(registry, path))
    if len(full) > MAX_NAME:
        raise _refusal(
            str(reference),
            f"has a name of {len(full)} characters",
            f"use a name of at most {MAX_NAME} characters, registry included",
        )


def _bad_component(reference: ImageReference, component: str) -> ImageReferenceError:
    text = str(reference)
    if not component:
        return _refusal(
            text, "has an empty component in its name", "put something between the slashes"
        )
    if _COMPONENT.fullmatch(component.lower()) and component.isascii():
        return _refusal(
            text,
            f"has upper case in {component!r}",
            f"write it in lower case: {component.lower()}",
        )
    return _refusal(
        text,
        f"has the component {component!r}",
        "use lower-case letters and digits, parted by one '.', one or two '_', or '-'",
    )


def _check_digest(reference: ImageReference, digest: str) -> None:
    algorithm, _, value = digest.partition(":")
    length = _HEX_DIGITS.get(algorithm)
    if length is not None:
        if len(value) == length and re.fullmatch(r"[0-9a-f]+", value):
            return
        hint = f"write {algorithm}: and {length} lower-case hexadecimal digits"
    elif _ALGORITHM.fullmatch(algorithm) and _HEXADECIMAL.fullmatch(value):
        return
    else:
        hint = "write sha256: and 64 lower-case hexadecimal digits"
    raise _refusal(str(reference), f"has the digest {digest!r}", hint)
