"""Names of files as services and jobs give them: hostile text, until it is cleaned here."""

import re
import unicodedata

LONGEST = 150
"""Bytes of one name; leaves room for what stores and servers put in front."""

DEEPEST = 5
"""Folders in a path; of a deeper one the last are kept."""

UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f"*:<>?|\\/\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
"""Control characters, direction marks, separators, and what some file system refuses."""

RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
"""Names of devices on Windows, with any suffix."""


def safe_name(name: str, fallback: str = "file") -> str:
    """The last part of a path, in characters that are safe to store, show and send; the suffix survives."""
    cleaned = UNSAFE.sub("_", re.split(r"[/\\]", name)[-1]).strip(". ")
    if RESERVED.fullmatch(cleaned):
        cleaned = f"_{cleaned}"
    return _cut(cleaned) or fallback


def safe_path(name: str, fallback: str = "file") -> str:
    """A relative path with `/` between its parts, each of them safe: no `..`, and never absolute."""
    parts = [part for part in re.split(r"[/\\]", name) if part.strip(". ")]
    return "/".join(safe_name(part) for part in parts[-DEEPEST - 1 :]) or fallback


def same_place(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", name).casefold()


def _cut(name: str) -> str:
    if len(name.encode()) <= LONGEST:
        return name
    stem, dot, suffix = name.rpartition(".")
    ending = f".{suffix}" if dot and len(suffix.encode()) < 16 else ""
    kept = (stem if ending else name).encode()[: LONGEST - len(ending.encode())]
    return kept.decode(errors="ignore").rstrip(". ") + ending
