"""Ages, durations, amounts, tables and charts, as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cli._figures import age, amount, chart, duration, table

DAY = 86400


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (DAY - 1, "23 h"),
        (DAY, "1 d"),
        (400 * DAY, "400 d"),
    ],
)
def test_an_age_is_its_largest_unit(seconds: float, written: str) -> None:
    assert age(seconds) == written


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("45s", 45),
        ("90min", 5400),
        ("90m", 5400),
        ("12h", 43200),
        ("30d", 30 * DAY),
        ("1w2d", 9 * DAY),
        ("1d12h30min", DAY + 43200 + 1800),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "30", "d", "-1d", "1.5d", "1 d", "30D", "30d ", " 30d", "30days", "1d,2h", "1month", "٣d"],
)
def test_what_is_no_duration_is_refused_with_the_grammar(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration") as caught:
        duration(text)
    assert str(caught.value) == (
        f"{text!r} is not a duration such as 30d, 12h or 90min (w, d, h, min and s)"
    )


@given(st.text(max_size=8))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        assert duration(text) >= 0
    except ValueError as error:
        assert str(error).startswith(repr(text))  # noqa: PT017 - either way is right


@pytest.mark.parametrize(
    ("size", "written"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9994, "9.99 kB"),
        (9996, "10.0 kB"),
        (99_960, "100 kB"),
        (999_400, "999 kB"),
        (999_600, "1.00 MB"),
        (257_900_000, "258 MB"),
        (1_310_000_000, "1.31 GB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_an_amount_has_three_digits(size: float, written: str) -> None:
    assert amount(size) == written


def test_a_table_is_as_wide_as_its_cells() -> None:
    rows = [("NAME", "SIZE", "X"), ("a", "12 B", ""), ("long name", "1 B", "y")]
    assert table(rows, right=(1,)) == [
        "NAME       SIZE  X",
        "a          12 B",
        "long name   1 B  y",
    ]


def test_a_chart_tells_by_figures_what_it_shows_by_bars() -> None:
    rows = [("numpy", "2.4.6", 60_000_000), ("pandas", "3.1.1", 30_000_000), ("six", "1", 100)]
    assert chart(rows, width=50, total=120_000_000) == [
        "numpy   2.4.6  60.0 MB  50 %  ####################",
        "pandas  3.1.1  30.0 MB  25 %  ##########",
        "six     1        100 B  <1 %  #",
    ]


def test_a_chart_of_nothing_is_empty() -> None:
    assert chart([], width=80, total=0) == []
    assert chart([("a", "1", 0)], width=80, total=0) == ["a  1  0 B  0 %"]


@given(
    st.lists(
        st.tuples(
            st.text("ab", min_size=1, max_size=30),
            st.text("1.", max_size=10),
            st.integers(0, 10**12),
        ),
        max_size=8,
    ),
    st.integers(1, 200),
)
def test_a_chart_is_ascii_and_as_wide_as_the_terminal(
    rows: list[tuple[str, str, int]], width: int
) -> None:
    lines = chart(rows, width=width, total=sum(size for _, _, size in rows))
    assert len(lines) == len(rows)
    assert all(line.isascii() for line in lines)
    figures = max((len(line.split("#")[0]) for line in lines), default=0)
    assert all(len(line) <= max(width, figures + 10) for line in lines)
