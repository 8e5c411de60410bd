"""The servers that the peers use, on a core of their own: Redis, and RabbitMQ without persistence."""

import glob
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psutil
import redis

from benchmarks import server
from benchmarks.peers.environment import Missing

START_SECONDS = 60
LOOK_SECONDS = 0.1
RABBITMQ = "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"
"""Where Debian has it; the one on its PATH changes the user."""


class PeersServer(Protocol):
    """A server that the peers' jobs are on."""

    url: str

    def processor_seconds(self) -> float:
        """What its process has used so far."""
        ...

    def used_bytes(self) -> int | None:
        """The memory of its data; None if it cannot tell."""
        ...


class RedisServer:
    """Redis over TCP."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._redis = redis.Redis.from_url(url)

    def processor_seconds(self) -> float:
        info = self._redis.info("cpu")
        return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])

    def used_bytes(self) -> int | None:
        return int(self._redis.info("memory")["used_memory"])


class RabbitServer:
    """RabbitMQ. Its own count of its memory leaves out most of a message, so it tells none."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self._process = psutil.Process(pid)

    def processor_seconds(self) -> float:
        # A shell script starts the server.
        times = [process.cpu_times() for process in (self._process, *self._process.children(recursive=True))]
        return float(sum(each.user + each.system for each in times))

    def used_bytes(self) -> int | None:
        return None


def version(kind: str) -> str:
    """The version of the server that would be started. Raises `Missing`."""
    if kind == "rabbitmq":
        return Path(_rabbitmq()).parents[1].name.removeprefix("rabbitmq_server-")
    said = subprocess.run([server.binary("redis"), "--version"], capture_output=True, text=True, check=True)
    return said.stdout.split("v=")[1].split()[0]


@contextmanager
def running(kind: str) -> Iterator[PeersServer]:
    """An empty server. Raises `Missing`."""
    if kind == "rabbitmq":
        with _running_rabbitmq() as rabbit:
            yield rabbit
    else:
        with server.running("redis", tcp=True) as started:
            yield RedisServer(started.url)


@contextmanager
def _running_rabbitmq() -> Iterator[PeersServer]:
    program, server_cores, client_cores = _rabbitmq(), *server.cores()
    with tempfile.TemporaryDirectory(prefix="emp-bench-") as folder:
        port = _free_port()
        variables = {
            "HOME": folder,
            "PATH": os.defpath,
            "ERL_EPMD_PORT": str(_free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "peers@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(_free_port()),
            "RABBITMQ_MNESIA_BASE": folder,
            "RABBITMQ_LOG_BASE": folder,
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
        }
        server.pin(server_cores)
        # If none runs already, the server starts one that outlives it.
        names = _start(_epmd(), variables)
        process = _start(program, variables)
        server.pin(client_cores)
        try:
            _wait_for(port, process)
            yield RabbitServer(f"amqp://guest:guest@127.0.0.1:{port}/", process.pid)
        finally:
            for started in (process, names):
                _kill_tree(started)


def _start(program: str, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen([program], env=variables, cwd=variables["HOME"], stdout=quiet, stderr=quiet)


def _rabbitmq() -> str:
    found = sorted(glob.glob(RABBITMQ))
    if not found:
        raise Missing("RabbitMQ is not installed: apt-get install rabbitmq-server")
    return found[-1]


def _epmd() -> str:
    found = shutil.which("epmd")
    if found is None:
        raise Missing("epmd, a part of Erlang, is not on PATH")
    return found


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(LOOK_SECONDS)
    raise SystemExit(f"RabbitMQ does not listen on port {port} after {START_SECONDS} s")


def _kill_tree(started: subprocess.Popen[bytes]) -> None:
    if started.poll() is None:
        for child in psutil.Process(started.pid).children(recursive=True):
            child.kill()
        started.kill()
    started.wait()
