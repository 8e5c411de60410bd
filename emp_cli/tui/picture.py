"""Pictures as half blocks: two pixels a cell, which every terminal can show."""

import io
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.color import Color
from textual.content import Content, Span
from textual.style import Style

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "PPM")
"""What services send. Decoders of other formats see nothing of what a service sends."""

MOST_PIXELS = 2_048 * 2_048
"""A few bytes may say that they are a picture of any size."""

HALF = "▀"


def read_picture(data: bytes) -> "Image | None":
    """The picture; None if it is none, or is too large."""
    from PIL import Image  # only a preview needs it, and it takes time

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
                return opened.convert("RGB") if opened.width * opened.height <= MOST_PIXELS else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def half_blocks(picture: "Image", width: int, height: int) -> Iterator[Content]:
    """The picture in its proportions, in at most so many cells; a cell is twice as high as it is wide."""
    scale = min(width / picture.width, 2 * height / picture.height)
    across, down = max(1, int(picture.width * scale)), max(2, int(picture.height * scale) // 2 * 2)
    pixels = picture.resize((across, down)).load()
    assert pixels is not None
    for y in range(0, down, 2):
        spans = [Span(x, x + 1, Style(_color(pixels[x, y + 1]), _color(pixels[x, y]))) for x in range(across)]
        yield Content(HALF * across, spans)


def _color(pixel: object) -> Color:
    assert isinstance(pixel, tuple)
    return Color(*pixel)
