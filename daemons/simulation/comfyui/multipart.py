"""Reads the one kind of form that ComfyUI takes: small fields and a file."""

import re
from dataclasses import dataclass

NAME = re.compile(rb'[ ;]name="([^"]*)"')
FILENAME = re.compile(rb'filename="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Part:
    """A field, or a file where it has a file name."""

    data: bytes
    filename: str | None = None

    @property
    def text(self) -> str:
        """The field's value."""
        return self.data.decode()


def parse_form(content_type: str, body: bytes) -> dict[str, Part]:
    """The parts by name."""
    boundary = content_type.partition("boundary=")[2].strip('"').encode()
    parts: dict[str, Part] = {}
    for chunk in body.split(b"--" + boundary)[1:-1]:
        head, _, data = chunk.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name, filename = NAME.search(head), FILENAME.search(head)
        if name is not None:
            parts[name[1].decode()] = Part(data.removesuffix(b"\r\n"), filename[1].decode() if filename else None)
    return parts
