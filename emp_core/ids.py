"""Ids and nonces: random, short enough to read out, safe in a key and a URL."""

import hashlib
import re
import secrets
import struct

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o, u, so that an id can be read out and typed."""

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
"""What a job, worker, customer or workflow may be called."""


_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)
_EIGHT_WORDS = struct.Struct("8H")


def _base32(number: int, length: int) -> str:
    pairs = [_PAIRS[number >> 10 * place & 1023] for place in reversed(range((length + 1) // 2))]
    return "".join(pairs)[-length:]


def new_job_id() -> str:
    """80 random bits; random in front, so that a prefix of four characters usually names one job."""
    return "".join([_PAIRS[word & 1023] for word in _EIGHT_WORDS.unpack(secrets.token_bytes(16))])


def new_nonce() -> str:
    """96 random bits, drawn by whoever makes a call that must be safe to repeat."""
    return secrets.token_hex(12)


def digest(text: str | bytes, length: int = 16) -> str:
    """A stable name of `5 * length` bits for a text."""
    raw = text.encode() if isinstance(text, str) else text
    return _base32(int.from_bytes(hashlib.sha256(raw).digest(), "big") >> 256 - 5 * length, length)


def is_id(text: str) -> bool:
    """Whether a text may name a job, a worker, a customer or a workflow."""
    return ID_PATTERN.fullmatch(text) is not None
