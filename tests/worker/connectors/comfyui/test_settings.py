"""Addresses."""

import pytest
from pydantic import ValidationError

from daemons.worker.connectors.comfyui.settings import ComfyUISettings


@pytest.mark.parametrize(
    ("url", "socket"),
    [
        ("http://gpu1:8188", "ws://gpu1:8188/ws"),
        ("http://gpu1:8188/", "ws://gpu1:8188/ws"),
        ("https://host/comfy", "wss://host/comfy/ws"),
        ("http://[::1]:8188", "ws://[::1]:8188/ws"),
    ],
)
def test_the_socket_s_address_follows_from_the_url(url: str, socket: str) -> None:
    assert ComfyUISettings(url=url).socket_url == socket


@pytest.mark.parametrize(
    ("ws_url", "socket"),
    [
        ("ws://elsewhere:1", "ws://elsewhere:1/ws"),
        ("ws://elsewhere:1/", "ws://elsewhere:1/ws"),
        ("wss://elsewhere/comfy", "wss://elsewhere/comfy/ws"),
        ("wss://elsewhere/comfy/ws?token=t", "wss://elsewhere/comfy/ws?token=t"),
    ],
)
def test_it_may_be_another_one_and_leave_out_its_path(ws_url: str, socket: str) -> None:
    assert ComfyUISettings(ws_url=ws_url).socket_url == socket


@pytest.mark.parametrize(
    "wrong", [{"url": "gpu1:8188"}, {"url": "ftp://x"}, {"ws_url": "http://x"}, {"uri": "http://x"}]
)
def test_what_is_no_address_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ComfyUISettings(**wrong)  # type: ignore[arg-type]


def test_nothing_that_may_hold_a_password_is_shown() -> None:
    url = "http://me:secret@gpu1"
    shown = repr(ComfyUISettings(url=url, ws_url="ws://me:secret@gpu1", headers={"authorization": "secret"}))
    assert "secret" not in shown
