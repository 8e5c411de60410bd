"""Where the hub listens."""

import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Any

from daemons.hub.settings import ListenSettings
from emp_core.errors import Misconfigured
from emp_core.urls import host_in_url

BACKLOG = 2048


@contextlib.contextmanager
def listening(settings: ListenSettings) -> Iterator[list[socket.socket]]:
    """The sockets of the hub's port, and of the second one where it is another. Raises `Misconfigured`."""
    host, port = settings.ws_host or settings.hub_host, settings.ws_port
    with contextlib.ExitStack() as closing:
        sockets = _bind(closing, "HUB", settings.hub_host, settings.hub_port)
        if port is not None and (port == 0 or (host, port) != (settings.hub_host, settings.hub_port)):
            sockets += _bind(closing, "WS", host, port)
        yield sockets


def url_of(bound: socket.socket) -> str:
    """Where a socket is reached."""
    host, port = bound.getsockname()[:2]
    return f"http://{host_in_url(host)}:{port}"


def _bind(closing: contextlib.ExitStack, name: str, host: str, port: int) -> list[socket.socket]:
    """A socket for each address of a host that this machine has: `localhost` names two."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise Misconfigured(f"{name}_HOST={host}: {error.strerror}") from None
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    bound: list[socket.socket] = []
    # A free port is another one for each address, so only the first gets one.
    for family, address in addresses if port else addresses[:1]:
        try:
            bound.append(closing.enter_context(_bind_one(family, address)))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL and (family, address) != addresses[0]:
                continue
            raise Misconfigured(
                f"{name}_PORT={port}: cannot listen on {address[0]}: {error.strerror}",
                hint=f"stop the program on that port (`emp hub status` shows a hub), or choose another {name}_PORT",
            ) from None
    return bound


def _bind_one(family: int, address: tuple[Any, ...]) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound
