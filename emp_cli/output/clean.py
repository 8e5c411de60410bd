"""The one cleaner of text on its way to a terminal.

Whatever comes from jobs and services may hold escape codes that repaint the screen, set the title or type for the
user, and marks that reverse the reading direction. None of it gets through, and none of it is taken for markup.
"""

import codecs
import json
import re
from typing import Any

MAX_TEXT = 100_000
"""Characters of one text that are shown."""

_DROPPED: dict[int, str | None] = {
    **dict.fromkeys([*range(0x09), *range(0x0B, 0x20)]),
    **dict.fromkeys(range(0x7F, 0xA0)),
    **dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C]),
    **dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}"),
    0x2028: "\n",
    0x2029: "\n",
}

_NOT_ASCII = re.compile(r"[^\x00-\x7e]+")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Text without control characters but line feed and tab, and without bidirectional overrides."""
    cleaned = text[: limit + 1].translate(_DROPPED)
    return cleaned if len(text) <= limit else f"{cleaned[:limit]}…"


def one_line(text: str, limit: int = MAX_TEXT) -> str:
    """The same on one line, for a cell or a message."""
    return " ".join(clean(text, limit).split())


def csv_text(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    cleaned = clean(text)
    return f"'{cleaned}" if text.startswith(_FORMULA) or cleaned.startswith(_FORMULA) else cleaned


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON in ASCII: every character that could act on a terminal is an escape of JSON's own."""
    return json.dumps(value, indent=indent, ensure_ascii=True).replace("\x7f", "\\u007f")


def ascii_json(text: bytes) -> bytes:
    """The same JSON in ASCII, from JSON in UTF-8."""
    return JsonStream().text(text).encode("ascii")


class JsonStream:
    """The same for JSON text that comes in chunks of UTF-8."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def text(self, chunk: bytes) -> str:
        """The chunk's text; half a character waits for the next chunk."""
        # Outside of its strings JSON is ASCII, so that an escape can stand for whatever is not.
        return _NOT_ASCII.sub(lambda found: json_text(found[0])[1:-1], self._decoder.decode(chunk))
