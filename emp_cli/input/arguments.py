"""Arguments as people type them: root options may stand anywhere, `-` means stdin."""

import os
import sys
from collections.abc import Sequence

from emp_cli.output import terminal

ROOT_OPTIONS = ("--redis", "--context", "--color")
ROOT_FLAGS = ("--debug", "--read-only")

ALONE = {"--json": "", "--columns": "", "--watch": "2", "-w": "2"}
"""What an option that may stand alone is given then."""


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


def completed(arguments: Sequence[str]) -> list[str]:
    """`jobs --watch` as `jobs --watch 2`: the parser knows no option whose value may be missing."""
    words: list[str] = []
    for at, word in enumerate(arguments):
        if word == "--":
            return [*words, *arguments[at:]]
        words.append(word)
        if word in ALONE and not _is_value(word, arguments[at + 1 : at + 2]):
            words.append(ALONE[word])
    return words


def _is_value(option: str, following: Sequence[str]) -> bool:
    if not following or following[0].startswith("-"):
        return False
    return option in ("--json", "--columns") or following[0].replace(".", "", 1).isdigit()


def hide_password(redis: str | None, source: str | None = None) -> None:
    """If `--redis` or `--from` holds a password, restart this command with that URL in the environment.

    Everybody on the machine can read the arguments of a process, as long as it runs.
    """
    from emp_core.urls import masked
    from emp_core.variables import IMPORT_FROM, environment_with

    words, environ = hoisted(sys.argv[1:]), environment_with(None)
    if redis is not None and masked(redis) != redis:
        words, environ = _without_option(words, "--redis", redis), environment_with(redis)
    if source is not None and masked(source) != source:
        words, environ = _without_option(words, "--from", source), {**environ, IMPORT_FROM: source}
    # With the URLs of the environment alone there is nothing to hide, and no restart.
    if words != hoisted(sys.argv[1:]):
        os.execve(sys.executable, [sys.executable, "-m", "emp_cli", *words], environ)


def _without_option(words: Sequence[str], name: str, value: str) -> list[str]:
    return [word for word in words if word not in (name, value, f"{name}={value}")]


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
