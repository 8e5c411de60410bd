"""What the ComfyUI connector can be told."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BeforeValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic_settings import SettingsConfigDict

from emp_core.settings import Headers, Host, HttpUrl, Names, Port, SettingsModel, UserPath, WsUrl, split_names
from emp_core.urls import host_in_url

GIBIBYTE = 1 << 30


def _as_base(url: str) -> str:
    if not urlsplit(url).hostname:
        raise ValueError("must name a host")
    return url.rstrip("/") + "/"


def _is_readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None


def _address(given: dict[str, Any]) -> str:
    return f"http://{host_in_url(given.get('host') or '127.0.0.1')}:{given.get('port') or 8188}"


Certificates = Annotated[UserPath, AfterValidator(_is_readable)]
Classes = Annotated[frozenset[str], BeforeValidator(split_names)]


class ComfyUISettings(SettingsModel):
    """ComfyUI: its address, and the limits for what it sends."""

    model_config = SettingsConfigDict(env_prefix="COMFYUI_")

    host: Host | None = Field(default=None, examples=["localhost"])
    """The server's host, if no URL is set; default: this machine."""

    port: Port = 8188
    """The server's port, if no URL is set."""

    url: Annotated[HttpUrl, AfterValidator(_as_base)] = Field(
        default_factory=_address, validate_default=True, repr=False, examples=["http://localhost:8188"]
    )
    """The server's address; overrides host and port. A path before the endpoints is kept."""

    ws_port: Port | None = Field(default=None, examples=[8188])
    """The port of the server's event socket, if it differs from the server's own."""

    ws_url: WsUrl | None = Field(default=None, repr=False, examples=["ws://localhost:8188/ws"])
    """The address of the event socket, if it differs in more than the port; `/ws` may be left out."""

    headers: Headers = Field(
        default_factory=dict[str, str], repr=False, examples=[{"Authorization": "Bearer a-long-random-text"}]
    )
    """Headers of every request and of the event socket, for a proxy before the server: a JSON object, or `Name: value`
    pairs with commas between them. They are secret: no log and no error shows them."""

    verify: bool = True
    """Whether a TLS certificate must be valid; servers started with --tls-keyfile mostly sign their own."""

    ca_file: Annotated[UserPath, AfterValidator(_is_readable)] | None = Field(
        default=None, examples=["/etc/ssl/comfyui.pem"]
    )
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

    foreign_prompts: NonNegativeInt = 0
    """How many prompts of other clients the server's queue may hold while the worker still claims jobs."""

    foreign_wait_seconds: PositiveFloat = 60.0
    """How long a job waits in the server's queue behind prompts of other clients before it goes to another worker."""

    allow_partial: bool = False
    """Whether a graph of which some outputs are invalid runs without them."""

    keep_temp: bool = False
    """Whether previews (`temp` files) count as results."""

    allowed_classes: Classes | None = Field(default=None, examples=["KSampler,SaveImage"])
    """The only node classes that a graph may use; default: all."""

    denied_classes: Classes = Field(default=frozenset(), examples=["LoadImageFromUrl"])
    """Node classes that a graph may not use."""

    model_folders: Names = Field(default=(), examples=["checkpoints,loras"])
    """The model folders that the worker offers from; default: all that the server names."""

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
        if self.ws_port and not self.ws_url:
            userinfo, at, _ = parts.netloc.rpartition("@")
            parts = parts._replace(netloc=f"{userinfo}{at}{host_in_url(parts.hostname or '')}:{self.ws_port}")
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        path = parts.path.rstrip("/").removesuffix("/ws")
        return urlunsplit((scheme, parts.netloc, f"{path}/ws", parts.query, ""))
