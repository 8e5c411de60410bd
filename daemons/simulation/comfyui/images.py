"""Pictures of one colour, as real PNG files that cost nothing to make."""

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SIGNATURE = b"\x89PNG\r\n\x1a\n"
WHITE = 0xFFFFFF


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of one colour, 0xRRGGBB."""

    width: int
    height: int
    color: int

    def inverted(self) -> "Picture":
        """The same in the opposite colour."""
        return Picture(self.width, self.height, WHITE - self.color)

    def scaled(self, width: int, height: int) -> "Picture":
        """The same in another size; a zero keeps the ratio."""
        if width == height == 0:
            return self
        wide = width or max(1, round(self.width * height / self.height))
        return Picture(wide, height or max(1, round(self.height * width / self.width)), self.color)

    def thumbnail(self, side: int = 64) -> "Picture":
        """The same, no longer than `side`."""
        ratio = min(1.0, side / max(self.width, self.height))
        return Picture(max(1, int(self.width * ratio)), max(1, int(self.height * ratio)), self.color)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encode_png(picture: Picture, texts: Mapping[str, Any] | None = None) -> bytes:
    """A PNG with one bit a pixel and a palette of one; `texts` are embedded as JSON, as ComfyUI embeds the graph."""
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 1, 3, 0, 0, 0)
    row = bytes(1 + (picture.width + 7) // 8)
    chunks = [_chunk(b"IHDR", header), _chunk(b"PLTE", picture.color.to_bytes(3, "big"))]
    chunks += [_chunk(b"tEXt", f"{key}\0{json.dumps(text)}".encode("latin-1")) for key, text in (texts or {}).items()]
    chunks += [_chunk(b"IDAT", zlib.compress(row * picture.height, 1)), _chunk(b"IEND", b"")]
    return SIGNATURE + b"".join(chunks)


def read_picture(data: bytes) -> Picture:
    """A picture for any file: of its size where it is a PNG, in a colour that its bytes determine."""
    color = zlib.crc32(data) & WHITE
    if not data.startswith(SIGNATURE) or len(data) < 24:
        return Picture(64, 64, color)
    width, height = struct.unpack(">II", data[16:24])
    palette = data.find(b"PLTE", 0, 64)
    if palette > 0:
        color = int.from_bytes(data[palette + 4 : palette + 7], "big")
    return Picture(width, height, color)
