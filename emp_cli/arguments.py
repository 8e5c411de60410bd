"""Arguments as people type them: root options may stand anywhere, `-` means stdin."""

import sys
from collections.abc import Sequence

from emp_cli.output import terminal

ROOT_OPTIONS = ("--redis",)
ROOT_FLAGS = ("--debug",)


def hoisted(arguments: Sequence[str]) -> list[str]:
    """`jobs --redis URL` as `--redis URL jobs`, which is what the parser wants."""
    front: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word in ROOT_OPTIONS:
            value = next(words, None)
            if value is None:
                return [word]  # which the parser says needs a value
            front += [word, value]
        elif word in ROOT_FLAGS or word.startswith(tuple(f"{name}=" for name in ROOT_OPTIONS)):
            front.append(word)
        else:
            rest.append(word)
    return front + rest


def read_stdin(what: str, limit: int = -1) -> str:
    """All that stdin has, or `limit` characters. Call it before anything runs that has its own way with Ctrl-C."""
    if sys.stdin.isatty():
        terminal.note(f"type {what}, then Ctrl-D")
    return sys.stdin.read(limit)


def ids_of(arguments: Sequence[str]) -> list[str]:
    """The ids, with those that stdin has in the place of `-`; each once."""
    names: list[str] = []
    for argument in arguments:
        names += read_stdin("ids").split() if argument == "-" else [argument]
    if not names:
        terminal.note("stdin holds no ids")
    return list(dict.fromkeys(names))
