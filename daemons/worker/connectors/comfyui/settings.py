"""What the ComfyUI connector can be told."""

from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

GIBIBYTE = 1 << 30


def _is_http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    return url.rstrip("/") + "/"


def _is_socket(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError("must be a ws:// or wss:// address")
    return url


class ComfyUISettings(BaseModel):
    """One ComfyUI server, and how far it is trusted."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: Annotated[str, AfterValidator(_is_http)] = Field("http://127.0.0.1:8188", validate_default=True, repr=False)
    """The server's address; a path before the endpoints is kept."""

    ws_url: Annotated[str, AfterValidator(_is_socket)] | None = Field(None, repr=False)
    """The address of its event socket, where that is not the same host and port; `/ws` may be left out."""

    headers: dict[str, str] = Field(default_factory=dict[str, str], repr=False)
    """Sent with every request and with the WebSocket handshake: what a proxy before the server asks for."""

    verify: bool = True
    """Whether a TLS certificate must be valid; servers started with --tls-keyfile mostly sign their own."""

    ca_file: str | None = None
    """A PEM file that certificates are checked against, instead of the usual authorities."""

    connect_timeout: PositiveFloat = 5.0
    """Seconds to open a connection."""

    read_timeout: PositiveFloat = 60.0
    """Seconds of silence in an answer; loading a model can freeze the server that long."""

    ping_timeout: PositiveFloat = 120.0
    """Seconds without a pong after which the event socket is opened anew."""

    poll_seconds: PositiveFloat = 1.0
    """How often the server is asked about a prompt; five times as rare while the socket tells of it."""

    settle_seconds: PositiveFloat = 10.0
    """How long after the end of a prompt its history entry may be missing."""

    outage_seconds: PositiveFloat = 60.0
    """How long a server may refuse connections before its prompt is given up."""

    freeze_seconds: PositiveFloat = 600.0
    """How long it may take connections and answer nothing: nodes that hold the GIL do that to it."""

    cancel_seconds: PositiveFloat = 12.0
    """How long a cancelled prompt may go on before the attempt ends as not stopped; below the queue's cancel grace."""

    concurrency: PositiveInt = 1
    """Prompts that this worker keeps in the server's queue; it runs one at a time whatever this says."""

    allow_partial: bool = False
    """Whether a graph of which some outputs are invalid runs without them."""

    keep_temp: bool = False
    """Whether previews (`temp` files) count as results."""

    allowed_classes: frozenset[str] | None = None
    """The only node classes that a graph may use; None: all."""

    denied_classes: frozenset[str] = frozenset()
    """Node classes that a graph may not use."""

    model_folders: tuple[str, ...] = ("checkpoints",)
    """The model folders that the worker offers from."""

    max_files: PositiveInt = 1000
    """Files in one result."""

    max_file_bytes: PositiveInt = 2 * GIBIBYTE
    """Bytes in one file."""

    max_socket_bytes: PositiveInt = GIBIBYTE // 4
    """Bytes in one frame of the event socket, and of all pictures that one prompt sends through it."""

    max_text: PositiveInt = 16_384
    """Characters of one text that stand in the result itself; a longer one becomes a file as well."""

    @property
    def socket_url(self) -> str:
        """Where the event socket is."""
        parts = urlsplit(self.ws_url or self.url)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        path = parts.path.rstrip("/").removesuffix("/ws")
        return urlunsplit((scheme, parts.netloc, f"{path}/ws", parts.query, ""))
