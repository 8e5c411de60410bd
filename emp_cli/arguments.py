"""Arguments as people type them: root options may stand anywhere, `-` means stdin."""

import sys
from collections.abc import Sequence

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
            front += [word, *([value] if (value := next(words, None)) is not None else [])]
        elif word in ROOT_FLAGS or word.startswith(tuple(f"{name}=" for name in ROOT_OPTIONS)):
            front.append(word)
        else:
            rest.append(word)
    return front + rest


def ids_of(arguments: Sequence[str]) -> list[str]:
    """The ids, with those that stdin has in the place of `-`; each once."""
    names: list[str] = []
    for argument in arguments:
        names += sys.stdin.read().split() if argument == "-" else [argument]
    return list(dict.fromkeys(names))
