"""Names that servers and jobs give."""

import pytest

from daemons.worker.connectors.comfyui.names import media_type, safe_name


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("out_00001_.png", "out_00001_.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\x.png", "x.png"),
        ("..", "file"),
        ("", "file"),
        ("a/", "file"),
        (".hidden", "hidden"),
        ('a"b\r\nc.png', "a_b__c.png"),
        ("\x1b[31mred.png", "_[31mred.png"),
        ("gnp.\u202eexe", "gnp._exe"),
        ("x" * 300 + ".png", "x" * 146 + ".png"),
        ("x" * 300, "x" * 150),
        ("画像.png", "画像.png"),
        ("half\ud800.png", "half_.png"),
    ],
)
def test_a_name_is_made_safe_and_keeps_its_suffix(given: str, kept: str) -> None:
    assert safe_name(given) == kept


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", "image/png"),
        ("a.WEBP", "image/webp"),
        ("a.mp4", "video/mp4"),
        ("a.glb", "model/gltf-binary"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_media_type_follows_from_the_suffix(name: str, kind: str) -> None:
    assert media_type(name) == kind
