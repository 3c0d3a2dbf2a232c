from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.deps.statements import Include, Setting, Statement, Wanted, parse
from toolkit.errors import SpecError

A, B = "a" * 64, "b" * 64
OWN_LINE = "put it on a line of its own"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        *(
            (line, [Include("a b.txt" if " b" in line else "x.txt", constraint=False)])
            for line in (
                "-r x.txt",
                "-rx.txt",
                "-r  x.txt",
                "--requirement x.txt",
                "--requirement=x.txt",
                "-r 'a b.txt'",
                '--requirement="a b.txt"',
                r"-r a\ b.txt",
            )
        ),
        ("-c x.txt", [Include("x.txt", constraint=True)]),
        ("--constraint=x.txt", [Include("x.txt", constraint=True)]),
        ("-i http://h/", [Setting("index-url", "http://h/")]),
        ("--index-url=http://h/?a=b", [Setting("index-url", "http://h/?a=b")]),
        ("--pypi-url http://h/", [Setting("index-url", "http://h/")]),
        ("--extra-index-url http://h/", [Setting("extra-index-url", "http://h/")]),
        ("-f 'my wheels'", [Setting("find-links", "my wheels")]),
        ("--no-index", [Setting("no-index", "")]),
        ("--no-binary :all:", [Setting("no-binary", ":all:")]),
        ("--only-binary=a,b", [Setting("only-binary", "a,b")]),
        ("--prefer-binary --pre", [Setting("prefer-binary", ""), Setting("pre", "")]),
        ("--require-hashes", [Setting("require-hashes", "")]),
        ("--trusted-host h:1", [Setting("trusted-host", "h:1")]),
        ("--use-feature=fast-deps", [Setting("use-feature", "fast-deps")]),
        ("-e .", [Wanted(".", editable=True)]),
        ("-e./x", [Wanted("./x", editable=True)]),
        ("--editable=./x[a]", [Wanted("./x[a]", editable=True)]),
        ("-e './my x' ; a == 'b'", [Wanted("./my x ; a == 'b'", editable=True)]),
        ("--pre -e ./x", [Setting("pre", ""), Wanted("./x", editable=True)]),
        ("foo>=1 ; os_name == 'posix'", [Wanted("foo>=1 ; os_name == 'posix'")]),
        ("foo --hash=sha256:" + A, [Wanted("foo", (f"sha256:{A}",))]),
        ("foo --hash sha256:" + A.upper(), [Wanted("foo", (f"sha256:{A}",))]),
        (
            f"foo --hash=sha256:{B} --hash=sha256:{A} --hash=sha256:{A}",
            [Wanted("foo", (f"sha256:{A}", f"sha256:{B}"))],
        ),
        ("./a-b --hash=sha512:" + A + B, [Wanted("./a-b", (f"sha512:{A}{B}",))]),
    ],
)
def test_a_line_says_what_it_asks_for(line: str, expected: list[Statement]) -> None:
    assert list(parse(line)) == expected


CARRY = "build a wheel with that setting and refer to the wheel as a path"
HASH = "write sha256:, sha384: or sha512: and all hexadecimal digits of the hash"


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (
            "--hash=sha256:" + A,
            "'--hash' stands without a requirement",
            "put it on the line of its requirement, or end the line before with a back-slash",
        ),
        ("foo --hash=md5:abc", "the hash 'md5:abc' is not one that can be checked", HASH),
        ("foo --hash=sha256:abc", "the hash 'sha256:abc' is not one that can be checked", HASH),
        ("foo -C a=b", "'--config-settings' cannot be carried into the build", CARRY),
        (
            "foo --config-settings=a=b",
            "'--config-settings' cannot be carried into the build",
            CARRY,
        ),
        ("foo --global-option=x", "'--global-option' cannot be carried into the build", CARRY),
        ("foo --install-option=x", "'--install-option' cannot be carried into the build", CARRY),
        ("foo --pre", "'--pre' stands behind a requirement", OWN_LINE),
        ("foo -r x.txt", "'--requirement' stands behind a requirement", OWN_LINE),
        ("--pre foo", "'foo' stands behind the options of the line", OWN_LINE),
        ("--index-url", "'--index-url' is given without a value", "add its value"),
        ("-r", "'--requirement' is given without a value", "add its value"),
        ("-e", "'--editable' is given without a value", "add its value"),
        ("--requirements x", "the option '--requirements' is not known", "write '--requirement'"),
        ("--pre=1", "'--pre' is given a value and takes none", "remove the value"),
        (
            "-x y",
            "the option '-x' is not known",
            "remove it: a requirements file cannot hold it",
        ),
        (
            "-r 'x.txt",
            "a quote is opened and never closed, or a back-slash ends the line",
            "close the quote, or write the text without quotes",
        ),
    ],
)
def test_a_line_that_makes_no_sense_says_why(line: str, message: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(line)
    assert (str(caught.value), caught.value.hint) == (message, hint)


words = st.sampled_from(
    ["-r", "-e", "-i", "--hash=sha256:", "--pre", "foo", "'", '"', "\\", " ", "=", "--", "-", ";"]
)


@given(st.one_of(st.lists(words).map("".join), st.lists(words).map(" ".join), st.text()))
def test_no_line_raises_anything_but_our_error(line: str) -> None:
    hint = "none needed"
    try:
        parse(line)
    except SpecError as error:
        hint = error.hint
    assert hint
