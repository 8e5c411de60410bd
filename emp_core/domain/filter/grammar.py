"""The grammar, and what is said of a text that it does not accept."""

import functools
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from emp_core.domain.filter.fields import FIELDS
from emp_core.domain.filter.tree import PLAIN_WORD
from emp_core.domain.values import shown
from emp_core.errors import FilterError

if TYPE_CHECKING:
    from lark import Lark, Token, Tree
    from lark.exceptions import UnexpectedInput

_FIELD = re.compile(r"""[^\s:=!<>,"'-][^\s:=!<>,"]*""")

GRAMMAR = rf"""
start: _WS? (term (_WS term)*)? _WS?
term: NOT? FIELD OPERATOR _value ("," _value)*
_value: WORD | QUOTED
NOT: "-"
FIELD: /{_FIELD.pattern}/
OPERATOR: /!=|>=|<=|[:=<>]/
WORD: /{PLAIN_WORD}/
QUOTED: /"(?:[^"\\]|\\[\s\S])*"/
_WS: /\s+/
"""

_ESCAPE = re.compile(r'\\(["\\])')


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a filter's text, and where it stands."""

    text: str
    """Of a value: without its quotes."""

    start: int
    end: int
    bare: bool = True
    """It is not in quotes."""


@dataclass(frozen=True, slots=True)
class RawTerm:
    """A term as it was written."""

    negated: bool
    field: Piece
    operator: Piece
    values: tuple[Piece, ...]


@functools.cache
def _parser() -> "Lark":
    from lark import Lark  # costs more to import than all else here, and most programs never read a filter

    return Lark(GRAMMAR, parser="lalr", lexer="contextual")


def read(text: str) -> list[RawTerm]:
    """The terms of a filter. Raises `FilterError`."""
    if not text.strip():
        return []
    from lark.exceptions import UnexpectedInput

    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise _explained(text, error) from None
    return [_raw(cast("Tree[Token]", term)) for term in tree.children]


def _raw(term: "Tree[Token]") -> RawTerm:
    tokens = cast("list[Token]", term.children)
    negated = tokens[0].type == "NOT"
    field, operator, *values = (piece_of(token) for token in tokens[negated:])
    return RawTerm(negated, field, operator, tuple(values))


def piece_of(token: "Token") -> Piece:
    """A token, with its quotes and escapes undone. A backslash before another character stands for itself."""
    start = token.start_pos or 0
    if token.type == "QUOTED":
        return Piece(_ESCAPE.sub(r"\1", token[1:-1]), start, start + len(token), bare=False)
    return Piece(str(token), start, start + len(token))


def begin(text: str) -> tuple[list["Token"], str]:
    """The tokens of a text that need not be complete, and the rest of it that is not a token in its place."""
    from lark.exceptions import UnexpectedInput

    tokens: list[Token] = []
    with suppress(UnexpectedInput):
        tokens.extend(_parser().parse_interactive(text).iter_parse())
    end = tokens[-1].end_pos if tokens else 0
    return tokens, text[end:]


def is_field(name: str) -> bool:
    """Whether a name can stand before an operator."""
    return _FIELD.fullmatch(name) is not None


def _explained(text: str, error: "UnexpectedInput") -> FilterError:
    """What is wrong, told by what the parser was waiting for."""
    token = getattr(error, "token", None)
    at = cast(int, error.pos_in_stream) if token is None or token.type != "$END" else len(text)
    wanted: set[str] = getattr(error, "expected", None) or getattr(error, "allowed", None) or set()
    if "WORD" in wanted:
        return _no_value(text, at)
    if "OPERATOR" in wanted:
        return _no_operator(text, at)
    if "FIELD" in wanted:
        found = text[at : at + 1]
        problem = f"a field is missing before {shown(found)}" if found else "a field is missing at the end"
        return FilterError(problem, text, at, at + len(found), hint='write FIELD:VALUE, such as error:"out of memory"')
    return FilterError("a space or a comma is missing after this value", text, at, at + 1)


def _no_value(text: str, at: int) -> FilterError:
    found = text[at : at + 1]
    if found == '"':
        return FilterError("the quote is not closed", text, at, len(text), hint='end it with "')
    if found == "'":
        return FilterError("a value is in single quotes", text, at, at + 1, hint="use double quotes")
    if found and found in "=<>!:":
        return FilterError(f"a value begins with {found}", text, at, at + 1, hint="put it in double quotes")
    before = text[:at].split()[-1]
    if before.endswith(","):
        return FilterError("a value is missing after the comma", text, at, at, hint="write a,b without spaces")
    return FilterError(f"a value is missing after {shown(before)}", text, at, at)


def _no_operator(text: str, at: int) -> FilterError:
    word = text[:at].split()[-1].removeprefix("-")
    start = at - len(word)
    if text[at : at + 1] == "!":
        return FilterError("! is no operator", text, at, at + 1, hint=f"write {shown(word)[1:-1]}!=VALUE")
    if word in FIELDS["status"].kind.choices:
        return FilterError(f"{word} is not a field", text, start, at, hint=f"did you mean status:{word}?")
    hint = "write FIELD:VALUE, such as customer:acme, and put values with spaces in double quotes"
    return FilterError(f"{shown(word)} has no operator and no value", text, start, at, hint=hint)
