"""Changes of Lua: conditions, comparisons, numbers, states, and calls that are left out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from emp_core.domain.states import JobState
from tests.mutants.mutant import Mutant, mutant_of

TOKEN = re.compile(
    r"""(?P<skip>\s+|--\[\[.*?\]\]|--[^\n]*)
      | (?P<string>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
      | (?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<sign>==|~=|<=|>=|\.\.\.|\.\.|.)""",
    re.VERBOSE | re.DOTALL,
)

SWAPS: Mapping[str, tuple[str, str]] = {
    "==": ("comparison", "~="),
    "~=": ("comparison", "=="),
    "<": ("comparison", "<="),
    "<=": ("comparison", "<"),
    ">": ("comparison", ">="),
    ">=": ("comparison", ">"),
    "and": ("and/or", "or"),
    "or": ("and/or", "and"),
    "not": ("condition", ""),
    "+": ("arithmetic", "-"),
    "-": ("arithmetic", "+"),
}

CONDITIONS = {"if": "then", "elseif": "then", "while": "do"}
"""What begins a condition, and what ends it."""

INSIDE_A_STATEMENT = {"and", "elseif", "function", "if", "in", "not", "or", "return", "until", "while"}
"""No statement begins after one of these, nor after a sign that closes nothing."""

STATES = [str(state) for state in JobState]


class Token(NamedTuple):
    """A word of Lua, and its place in the text."""

    kind: str
    text: str
    start: int
    end: int


def lua_mutants(path: str, text: str) -> Iterator[Mutant]:
    """Every change of a file of Lua."""
    tokens = [Token(str(found.lastgroup), found.group(), *found.span()) for found in TOKEN.finditer(text)]
    words = [token for token in tokens if token.kind != "skip"]
    for index, word in enumerate(words):
        for kind, start, end, replacement in _changes(text, words, index, word):
            yield mutant_of(path, text, kind, start, end, replacement)


Change = tuple[str, int, int, str]


def _changes(text: str, words: Sequence[Token], index: int, word: Token) -> Iterator[Change]:
    if word.text in SWAPS and not _is_sign_of_a_number(words, index):
        kind, other = SWAPS[word.text]
        yield kind, word.start, word.end, other
    if word.kind == "number" and word.text.isdigit():
        yield "number", word.start, word.end, str(int(word.text) + 1)
        yield "number", word.start, word.end, str(int(word.text) - 1)
    if word.kind == "string" and word.text[1:-1] in STATES:
        other = STATES[(STATES.index(word.text[1:-1]) + 1) % len(STATES)]
        yield "state", word.start, word.end, f"'{other}'"
    if word.text in CONDITIONS and word.kind == "name":
        end = next(later.start for later in words[index:] if later.text == CONDITIONS[word.text])
        yield "condition", word.end, end, f" not ({text[word.end : end].strip()}) "
    if (last := _call(words, index)) is not None:
        yield "left out", word.start, last.end, ""


def _is_sign_of_a_number(words: Sequence[Token], index: int) -> bool:
    """`-1` is a number that changes by itself."""
    before = words[index - 1].text if index else ""
    return words[index].text == "-" and before in {"(", ",", "=", "{", "return", "and", "or"}


def _call(words: Sequence[Token], index: int) -> Token | None:
    """The last token of the call that begins here, if it is a statement on its own."""
    before = words[index - 1] if index else Token("sign", ";", 0, 0)
    inside = before.text in INSIDE_A_STATEMENT or (before.kind == "sign" and before.text not in ")]};")
    inside |= words[index].text in INSIDE_A_STATEMENT
    if inside or words[index].kind != "name" or words[index + 1 : index + 2] == [] or words[index + 1].text != "(":
        return None
    depth = 0
    for later in words[index + 1 :]:
        depth += {"(": 1, ")": -1}.get(later.text, 0)
        if depth == 0:
            return later
    return None
