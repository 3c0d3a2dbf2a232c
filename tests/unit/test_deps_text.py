from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.deps.text import BadLine, LogicalLine, decode, logical_lines
from toolkit.errors import SpecError

SAVE = "save the file as UTF-8, or name its encoding in a first line '# coding: …'"


def lines(text: str, **env: str) -> list[tuple[int, str]]:
    found = list(logical_lines(text, env))
    assert all(isinstance(line, LogicalLine) for line in found), found
    return [(line.number, line.text) for line in found if isinstance(line, LogicalLine)]


def bad(text: str, **env: str) -> BadLine:
    (line,) = logical_lines(text, env)
    assert isinstance(line, BadLine)
    return line


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_names_the_encoding(mark: bytes, encoding: str) -> None:
    assert decode(mark + "numpy # ä\n".encode(encoding)) == "numpy # ä\n"


@pytest.mark.parametrize(
    "head", ["# coding: latin-1\n", "#!/x\n# -*- coding: latin-1 -*-\n", "# coding=latin-1\n"]
)
def test_a_coding_line_among_the_first_two_names_the_encoding(head: str) -> None:
    assert decode((head + "# ä").encode("latin-1")) == head + "# ä"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\nb\n\xff\n", "the file is not valid utf-8 (byte 0xff on line 3)"),
        (b"a\nb\n# coding: latin-1\n\xe4", "the file is not valid utf-8 (byte 0xe4 on line 4)"),
        (b"\xff\xfea", "the file is not valid utf-16-le (byte 0x61 on line 1)"),
        (b"# coding: klingon\n", "the encoding 'klingon' that the file names is not known"),
        (b"# coding: rot13\n", "the encoding 'rot13' that the file names is not known"),
        (b"# coding: undefined\n", "the file is not valid undefined"),
    ],
)
def test_bytes_that_are_no_text_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        decode(data)
    assert (str(caught.value), caught.value.hint) == (message, SAVE)


def test_a_binary_file_is_called_so() -> None:
    with pytest.raises(SpecError) as caught:
        decode(b"PK\x03\x04\0\0")
    assert str(caught.value) == "the file is binary, not a list of requirements"


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_but_our_error(data: bytes) -> None:
    try:
        text = decode(data)
    except SpecError:
        return
    for line in logical_lines(text, {}):
        assert line.number >= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n \t\n# c\n  # c\n", []),
        ("a", [(1, "a")]),
        ("a\r\nb\rc\n", [(1, "a"), (2, "b"), (3, "c")]),
        ("a # c\n", [(1, "a")]),
        ("a#b\n", [(1, "a#b")]),
        ("git+https://h/x#egg=a # c", [(1, "git+https://h/x#egg=a")]),
        ("a \\\n  b\nc", [(1, "a   b"), (3, "c")]),
        ("a\\\nb", [(1, "ab")]),
        ("a \\\n\\\n b", [(1, "a  b")]),
        ("a \\", [(1, "a")]),
        ("a\t--pre", [(1, "a --pre")]),
        # A comment ends what went before it, whether or not it ends in a back-slash.
        ("a \\\n# c\nb", [(1, "a"), (3, "b")]),
        ("a \\\n  # c \\\nb", [(1, "a"), (3, "b")]),
        ("# c \\\na", [(2, "a")]),
        ("a # c \\\nb", [(1, "a")]),
    ],
)
def test_lines_are_joined_and_comments_dropped_as_pip_does(
    text: str, expected: list[tuple[int, str]]
) -> None:
    assert lines(text) == expected


def test_a_variable_is_expanded_in_its_one_form() -> None:
    assert lines("a${X_1}b ${X_1} $X_1 ${x} $(X_1) %X_1%", X_1="v") == [
        (1, "avb v $X_1 ${x} $(X_1) %X_1%")
    ]


def test_a_variable_in_a_comment_is_never_asked_for() -> None:
    assert lines("a # ${NOT_SET}") == [(1, "a")]


def test_what_may_be_shown_of_a_line_has_its_variables_unexpanded() -> None:
    (line,) = logical_lines("https://${TOKEN}@h/x", {"TOKEN": "hunter2"})
    assert isinstance(line, LogicalLine)
    assert (line.shown, line.hidden) == ("https://${TOKEN}@h/x", (("hunter2", "TOKEN"),))
    assert line.cover("at https://hunter2@h") == "at https://${TOKEN}@h"
    assert "hunter2" not in repr(line)


@pytest.mark.parametrize(
    ("value", "text", "revealed"),
    [
        ("ter", "hunter2", True),
        ("a-ter", "hunter", True),
        ("HUNTER", "hunter", True),
        ("h", "the house", False),
        ("h", "h: no such file", True),
    ],
)
def test_a_word_of_a_hidden_value_is_noticed(value: str, text: str, revealed: bool) -> None:
    """Within longer words too, unless it is so short that it would be there by chance."""
    line = LogicalLine(1, "", "", ((value, "V"),))
    assert line.reveals(text) is revealed


@pytest.mark.parametrize(
    ("text", "env", "problem"),
    [
        ("a==${V}", {}, "the environment variable V is not set"),
        ("a==${V}", {"V": ""}, "the environment variable V is empty"),
        ("a \\ \n", {}, "the back-slash at the end of the line continues nothing"),
        ("a \\ # c\n", {}, "the back-slash at the end of the line continues nothing"),
        ("a\x1bb", {}, "the line holds the control character '\\x1b'"),
        ("a\u2028b", {}, "the line holds the control character '\\u2028'"),
        *(
            (
                "a==${V}",
                {"V": value},
                "the value of V holds a control character, a comment or a variable",
            )
            for value in ("1\n2", "1 # c", "${W}")
        ),
    ],
)
def test_a_line_that_cannot_be_lexed_is_a_value_that_says_why(
    text: str, env: dict[str, str], problem: str
) -> None:
    line = bad(text, **env)
    assert (line.number, line.problem) == (1, problem)
    assert line.hint
