"""Media types by names."""

import pytest

from daemons.worker.connectors.comfyui.names import media_type


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
