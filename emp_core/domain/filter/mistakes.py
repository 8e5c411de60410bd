"""How a mistake in a filter is shown, and what was probably meant."""

import difflib
import re
from collections.abc import Callable, Mapping

from emp_core.domain.values import cut
from emp_core.errors import FilterError

SHOWN_BEFORE = 50
SHOWN_AFTER = 30
"""Characters of the filter that are shown on either side of the mistake."""

_SPACE = re.compile(r"\s")


def render(error: FilterError, clean: Callable[[str], str]) -> str:
    """The filter, carets under the mistake, and what is wrong; `clean` makes text fit to be shown.

    The filter's spaces and line breaks become plain spaces first, so that all of it stays on one line.
    """
    shown_from = max(0, error.start - SHOWN_BEFORE)
    shown_to = max(error.start + 1, min(error.end, error.start + SHOWN_AFTER))
    before, found, after = (
        clean(_SPACE.sub(" ", piece))
        for piece in (
            error.text[shown_from : error.start],
            error.text[error.start : shown_to],
            error.text[shown_to : shown_to + SHOWN_AFTER],
        )
    )
    before = f"{'...' if shown_from else ''}{before}"
    after = f"{after}{'...' if shown_to + SHOWN_AFTER < len(error.text) else ''}"
    marks = " " * len(before) + "^" * max(1, len(found) if error.end > error.start else 1)
    words = "; ".join(filter(None, (error.problem, error.hint)))
    return "\n".join(((before + found + after).rstrip(), marks, words))


def closest(word: str, known: Mapping[str, str]) -> str:
    """The one name that a mistyped word most probably means, or nothing; `known`: name or synonym -> name."""
    close = difflib.get_close_matches(cut(word).lower(), known, n=1)
    return known[close[0]] if close else ""
