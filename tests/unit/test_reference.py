from __future__ import annotations

import re

import pytest
from docker_image import digest as oracle_digest
from docker_image import reference as oracle
from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.errors import ImageReferenceError
from toolkit.reference import ImageReference

HEX = "0123456789abcdef" * 4
SHA = f"sha256:{HEX}"
TAG_HINT = (
    "use at most 128 letters, digits, '_', '.' and '-' in a tag, "
    "and begin it with none of '.' and '-'"
)

PARTS = [
    ("ubuntu", None, "ubuntu", None, None),
    ("python:3-slim", None, "python", "3-slim", None),
    ("localhost:5000", None, "localhost", "5000", None),
    ("localhost/x", "localhost", "x", None, None),
    ("localhost:5000/x", "localhost:5000", "x", None, None),
    ("localhost:5000/a/b:1", "localhost:5000", "a/b", "1", None),
    ("team/app", None, "team/app", None, None),
    ("foo.bar/app", "foo.bar", "app", None, None),
    ("foo.bar", None, "foo.bar", None, None),
    ("REGISTRY.example:443/app", "REGISTRY.example:443", "app", None, None),
    ("[::1]:5000/app:v_1", "[::1]:5000", "app", "v_1", None),
    ("[2001:db8::1]/app", "[2001:db8::1]", "app", None, None),
    (f"a/b@{SHA}", None, "a/b", None, SHA),
    (f"r.io:1/a/b:1.0@{SHA}", "r.io:1", "a/b", "1.0", SHA),
    ("a__b-c---d.e_f", None, "a__b-c---d.e_f", None, None),
    (f"a:{'t' * 128}", None, "a", "t" * 128, None),
    (f"a@sha512:{HEX}{HEX}", None, "a", None, f"sha512:{HEX}{HEX}"),
    (f"sha256:{HEX[:12]}", None, "sha256", HEX[:12], None),
]

REFUSED = [
    ("", "image reference is empty", "name an image, such as python:3-slim"),
    ("https://r.io/a", "image reference 'https://r.io/a' is a URL", "write it without 'https://'"),
    (
        HEX,
        f"image reference '{HEX}' is an image id, not a name",
        "give the image a name with `docker tag` and use that name",
    ),
    (
        SHA,
        f"image reference '{SHA}' is an image id, not a name",
        "give the image a name with `docker tag` and use that name",
    ),
    (
        "team/Ubuntu:1",
        "image reference 'team/Ubuntu:1' has upper case in 'Ubuntu'",
        "write it in lower case: ubuntu",
    ),
    (
        "Team/ubuntu",
        "image reference 'Team/ubuntu' has upper case in 'Team'",
        "write it in lower case: team",
    ),
    (
        "a//b",
        "image reference 'a//b' has an empty component in its name",
        "put something between the slashes",
    ),
    (
        "a b",
        "image reference 'a b' has the component 'a b'",
        "use lower-case letters and digits, parted by one '.', one or two '_', or '-'",
    ),
    (
        "a\nRUN id",
        "image reference 'a\\nRUN id' has the component 'a\\nRUN id'",
        "use lower-case letters and digits, parted by one '.', one or two '_', or '-'",
    ),
    (
        "-r.io/a",
        "image reference '-r.io/a' has the registry '-r.io'",
        "write a registry as host, host:port or [IPv6]:port",
    ),
    (
        "r:port/a",
        "image reference 'r:port/a' has the registry 'r:port'",
        "write a registry as host, host:port or [IPv6]:port",
    ),
    (
        "a:",
        "image reference 'a:' has the tag ''",
        TAG_HINT,
    ),
    (
        "a:b:c",
        "image reference 'a:b:c' has the tag 'b:c'",
        TAG_HINT,
    ),
    (
        f"a@sha256:{HEX[1:]}",
        f"image reference 'a@sha256:{HEX[1:]}' has the digest 'sha256:{HEX[1:]}'",
        "write sha256: and 64 lower-case hexadecimal digits",
    ),
    (
        "a@",
        "image reference 'a@' has the digest ''",
        "write sha256: and 64 lower-case hexadecimal digits",
    ),
    (
        f"a@sha512:{HEX}",
        f"image reference 'a@sha512:{HEX}' has the digest 'sha512:{HEX}'",
        "write sha512: and 128 lower-case hexadecimal digits",
    ),
    (
        "a" * 248,
        f"image reference '{'a' * 248}' has a name of 266 characters",
        "use a name of at most 255 characters, registry included",
    ),
]

HOSTILE = [
    "ubuntu\n",
    "ubuntu\r",
    "ubuntu\x00",
    "ubuntu:3\n",
    f"ubuntu@{SHA}\n",
    "$(id)",
    "`id`",
    "a'b",
    'a"b',
    "a && b",
    "{{ a }}",
    "a \\",
    "../a",
    "/a",
    "a/",
    "ubuntü",
    "ubuntu:³",
    "r.io:٣/a",
    "\ud800",
    "K/a",
    f"a:{'t' * 129}",
    f"a@SHA256:{'g' * 64}",
    f"a@sha256:{HEX.upper()}",
    "a.-b",
    "a___b",
]


@pytest.mark.parametrize(("text", "registry", "path", "tag", "digest"), PARTS)
def test_a_reference_comes_apart_and_prints_as_it_was_written(
    text: str, registry: str | None, path: str, tag: str | None, digest: str | None
) -> None:
    reference = ImageReference.parse(text)
    assert reference == ImageReference(registry, path, tag, digest)
    assert str(reference) == text


@pytest.mark.parametrize(("text", "message", "hint"), REFUSED)
def test_a_refusal_says_what_is_wrong_and_what_to_do(text: str, message: str, hint: str) -> None:
    with pytest.raises(ImageReferenceError) as caught:
        ImageReference.parse(text)
    assert (str(caught.value), caught.value.hint) == (message, hint)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_refused(text: str) -> None:
    with pytest.raises(ImageReferenceError):
        ImageReference.parse(text)


@pytest.mark.parametrize(
    ("text", "normalized", "familiar"),
    [
        ("ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("docker.io/ubuntu:1", "docker.io/library/ubuntu:1", "ubuntu:1"),
        ("index.docker.io/library/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("team/app:1", "docker.io/team/app:1", "team/app:1"),
        ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("docker.io/foo.bar/x", "docker.io/foo.bar/x", "docker.io/foo.bar/x"),
        ("docker.io/localhost/x", "docker.io/localhost/x", "docker.io/localhost/x"),
        ("ghcr.io/a/b", "ghcr.io/a/b", "ghcr.io/a/b"),
        (f"ubuntu@{SHA}", f"docker.io/library/ubuntu@{SHA}", f"ubuntu@{SHA}"),
    ],
)
def test_the_long_and_the_short_form(text: str, normalized: str, familiar: str) -> None:
    reference = ImageReference.parse(text)
    assert str(reference.normalized) == normalized
    assert str(reference.familiar) == familiar


@pytest.mark.parametrize(
    ("text", "tagged"),
    [("a", "a:latest"), ("r.io:5/a:1", "r.io:5/a:1"), ("r.io:5/a", "r.io:5/a:latest")],
)
def test_a_reference_without_a_tag_means_latest(text: str, tagged: str) -> None:
    assert str(ImageReference.parse(text).tagged) == tagged


def test_name_is_without_tag_and_digest() -> None:
    assert ImageReference.parse(f"r.io:5/a/b:1@{SHA}").name == "r.io:5/a/b"


def test_a_tag_and_a_digest_can_be_given_changed_and_taken_away() -> None:
    reference = ImageReference.parse("r.io/a:1")
    assert str(reference.with_tag("2").with_digest(SHA)) == f"r.io/a:2@{SHA}"
    assert str(reference.with_digest(SHA).with_tag(None)) == f"r.io/a@{SHA}"
    with pytest.raises(ImageReferenceError):
        reference.with_tag("no tag")
    with pytest.raises(ImageReferenceError):
        reference.with_digest("sha256:beef")


@pytest.mark.parametrize("registry", ["team", "", "r.io/x"])
def test_parts_that_would_not_be_read_back_are_refused(registry: str) -> None:
    """A value is valid however it was made, so `str()` always parses to the same value."""
    with pytest.raises(ImageReferenceError):
        ImageReference(registry, "app")
    with pytest.raises(ImageReferenceError):
        ImageReference(None, "r.io/app")


Parts = tuple[str, str, str | None, str | None]


def ours(text: str) -> Parts | None:
    try:
        reference = ImageReference.parse(text).normalized
    except ImageReferenceError:
        return None
    return str(reference.registry), reference.path, reference.tag, reference.digest


def theirs(text: str) -> Parts | None:
    """docker-image-py's answer, but for the places where we differ knowingly."""
    if _differs_knowingly(text):
        return None
    try:
        parsed = oracle.Reference.parse_normalized_named(text)
    except oracle_digest.DigestUnsupported:
        return ours(text)  # an algorithm of the grammar that Go was not compiled with
    except (oracle.InvalidReference, oracle_digest.InvalidDigest):
        return None
    domain, path = parsed.split_hostname()
    # It counts the path alone; we count the registry too.
    fits = len(f"{domain}/{path}") <= 255
    return (domain, path, parsed["tag"], parsed["digest"]) if fits else None


def _differs_knowingly(text: str) -> bool:
    """Whether it takes what we refuse.

    A last newline, which its `$` lets pass; an image id, which it takes for a name with a tag; a
    registry that it guesses from upper case, as the engines of 2020 do not.
    """
    first, slash, _ = text.partition("/")
    guessed = slash and not set(first) & set(".:") and first != first.lower()
    return (
        text.endswith("\n")
        or re.fullmatch("sha256:[0-9a-f]{64}", text) is not None
        or bool(guessed)
    )


@pytest.mark.parametrize(
    "text", [case[0] for case in PARTS] + [case[0] for case in REFUSED] + HOSTILE
)
def test_docker_image_py_agrees_on_every_case_of_these_tables(text: str) -> None:
    assert ours(text) == theirs(text)


component = st.from_regex(r"[a-z0-9]{1,3}([._]|__|-{1,3}|)[a-zA-Z0-9]{0,3}", fullmatch=True)
registries = st.one_of(
    st.sampled_from(["", "localhost/", "docker.io/", "index.docker.io/", "library/", "[::1]:5/"]),
    st.from_regex(r"[a-zA-Z0-9.:\[\]-]{1,8}/", fullmatch=True),
)
suffixes = st.one_of(
    st.just(""),
    st.from_regex(r"[:@][\w.:-]{0,5}", fullmatch=True),
    st.sampled_from([f"@{SHA}", f":1@{SHA}", f"@md5:{HEX[:32]}", f"@sha256:{HEX}0", "@sha256"]),
)
plausible = st.builds(
    lambda registry, path, suffix: registry + "/".join(path) + suffix,
    registries,
    st.lists(component, min_size=1, max_size=3),
    suffixes,
)
noisy = st.text(alphabet="abZ09._-:/@[]\n é", max_size=16)


@given(st.one_of(plausible, noisy, st.text(max_size=8)))
@example("a" * 248)
@example(f"r.io/{'a' * 250}")
@example(f"r.io/{'a' * 251}")
def test_docker_image_py_agrees_on_anything(text: str) -> None:
    assert ours(text) == theirs(text)


@given(plausible)
def test_what_parses_prints_and_parses_again_in_every_form(text: str) -> None:
    try:
        reference = ImageReference.parse(text)
    except ImageReferenceError:
        return
    assert str(reference) == text
    for form in (reference, reference.normalized, reference.familiar):
        assert ImageReference.parse(str(form)) == form
        assert form.normalized == reference.normalized
