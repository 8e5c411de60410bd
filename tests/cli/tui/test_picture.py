"""Previews as half blocks: hostile ones too."""

import io
import struct
import zlib

import pytest
from PIL import Image

from emp_cli.tui.picture import half_blocks, read_picture


def encoded(form: str, size: tuple[int, int] = (40, 20)) -> bytes:
    text = io.BytesIO()
    Image.new("RGB", size, (200, 100, 50)).save(text, form)
    return text.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "PPM"])
def test_what_services_send_is_read(form: str) -> None:
    picture = read_picture(encoded(form))
    assert picture is not None
    assert picture.size == (40, 20)


@pytest.mark.parametrize(
    "data", [b"", b"\x1b[31m", encoded("JPEG")[:200], encoded("PNG")[:60], encoded("GIF"), b"P6 99999999 9 255\n"]
)
def test_what_is_no_picture_or_of_another_format_is_none(data: bytes) -> None:
    assert read_picture(data) is None


@pytest.mark.parametrize("side", [3_000, 12_000, 60_000])
def test_a_few_bytes_that_say_to_be_a_huge_picture_are_none(side: int) -> None:
    head = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    assert read_picture(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IEND\xaeB`\x82") is None


@pytest.mark.parametrize(("size", "cells"), [((40, 20), (40, 10)), ((20, 40), (10, 10)), ((1, 500), (1, 10))])
def test_a_picture_keeps_its_proportions(size: tuple[int, int], cells: tuple[int, int]) -> None:
    rows = list(half_blocks(Image.new("RGB", size), 78, 10))
    assert (rows[0].cell_length, len(rows)) == cells
