"""Nothing that a terminal would obey gets through."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emp_cli.output.clean import clean, csv_text, json_text, one_line

BIDI = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def harmless(text: str, *, allowed: str = "\n\t") -> bool:
    return not any(
        (unicodedata.category(char) in ("Cc", "Cs") and char not in allowed) or char in BIDI for char in text
    )


@given(st.text(alphabet=st.characters()))
def test_no_text_keeps_what_acts_on_a_terminal(text: str) -> None:
    assert harmless(clean(text))
    assert harmless(one_line(text), allowed="")
    assert harmless(json_text(text), allowed="")
    assert json_text(text).isascii()


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"])))
def test_plain_text_is_left_alone(text: str) -> None:
    assert clean(text) == text
    assert json.loads(json_text(text)) == text


def test_a_long_text_is_cut_and_says_so() -> None:
    assert clean("x" * 20, 10) == "x" * 10 + "…"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1", "\x1b=1"])
def test_a_spreadsheet_takes_no_text_for_a_formula(text: str) -> None:
    assert csv_text(text).startswith("'")


def test_a_seed_of_64_bits_and_beyond_stays_exact() -> None:
    assert json_text({"seed": 2**70 + 1}) == '{"seed": 1180591620717411303425}'
