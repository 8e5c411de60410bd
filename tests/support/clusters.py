"""A Cluster of three shards and a master behind three Sentinels, for the tests that need more than one server.

Both start when a test first asks for them, and serve the whole session. A test may kill or move what it likes: `mended`
starts what is down, waits until all is well, and empties it.
"""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import psutil
import pytest
import redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from emp_core.store.connection import DEFAULT_PREFIX
from tests.support.redis_server import ANY, Server, binary, die_with_parent, free_port
from tests.support.waiting import PATIENCE_SECONDS, poll_until

SLOT = key_slot(DEFAULT_PREFIX.encode())
"""The slot of the queue."""

SERVICE = "emp"
TIMEOUT_MS = 2_000
"""A server that is silent for so long is taken for dead: shorter, and a busy machine would fail over by itself."""


class Shard(Server):
    """One node of a Cluster."""

    def __init__(self, program: str, settings: Mapping[str, str]) -> None:
        quick = {"cluster-node-timeout": str(TIMEOUT_MS), "repl-diskless-sync-delay": "0"}
        super().__init__("cluster", program=program, settings={**quick, **settings})

    @property
    def id(self) -> str:
        """Its name among the nodes."""
        return str(self.cluster("MYID").decode())

    def cluster(self, *words: object) -> Any:
        """The answer of a CLUSTER command."""
        return self.client.execute_command("CLUSTER", *words)

    def owns(self, slot: int) -> bool:
        """Whether it serves the slot, as far as it knows."""
        shown = self.cluster("SLOTS")
        mine = self.id.encode()
        return any(first <= slot <= last and master[2] == mine for first, last, master, *_ in shown)

    def _settle(self) -> None:
        """`Shards` brings the nodes together."""


class Shards:
    """A Cluster of three masters; the one that has the queue also has a replica."""

    def __init__(self, program: str = ANY, settings: Mapping[str, str] | None = None) -> None:
        self.nodes = [Shard(program, settings or {}) for _ in range(4)]
        self.url = f"redis+cluster://127.0.0.1:{self.nodes[0].port}"
        masters, replica = self.nodes[:3], self.nodes[3]
        for number, (node, first) in enumerate(zip(masters, (0, 5461, 10923), strict=True)):
            node.cluster("SET-CONFIG-EPOCH", number + 1)
            node.cluster("ADDSLOTSRANGE", first, (5460, 10922, 16383)[number])
        for node in self.nodes[1:]:
            node.cluster("MEET", "127.0.0.1", self.nodes[0].port, self.nodes[0].settings["cluster-port"])
        poll_until(self._all_met, "nodes that know each other")
        replica.cluster("REPLICATE", self.master().id)
        self._wait()

    def master(self) -> Shard:
        """The node that has the queue now."""
        return next(node for node in self.nodes if _is_up(node) and node.owns(SLOT))

    def replica(self) -> Shard:
        """The node that has no slots."""
        return next(node for node in self.nodes if node not in self.masters())

    def masters(self) -> list[Shard]:
        """The three nodes that have slots."""
        return [node for node in self.nodes if node.client.info("replication")["role"] == "master"]

    def fail_over(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Kill or stop the queue's master, and wait until its replica has taken over."""
        lost = self.master()
        _end(lost, how)
        alive = [node for node in self.nodes if node is not lost]
        poll_until(lambda: any(node.owns(SLOT) for node in alive), "a replica that takes over", PATIENCE_SECONDS)

    def begin_move(self) -> tuple[Shard, Shard]:
        """Let the slot of the queue begin to migrate to another master. From where, and where to."""
        source = self.master()
        target = next(node for node in self.masters() if node is not source)
        target.cluster("SETSLOT", SLOT, "IMPORTING", source.id)
        source.cluster("SETSLOT", SLOT, "MIGRATING", target.id)
        self._move = (source, target)
        return source, target

    def move_some(self, count: int) -> bool:
        """Migrate some keys of the queue. Whether there were any."""
        source, target = self._move
        names = source.cluster("GETKEYSINSLOT", SLOT, count)
        if names:
            source.client.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", *names)
        return bool(names)

    def end_move(self) -> None:
        """All keys are there: the slot is the target's."""
        _, target = self._move
        for node in (target, *self.masters()):
            node.cluster("SETSLOT", SLOT, "NODE", target.id)
        self._wait()

    def move(self) -> Shard:
        """Migrate the whole queue at once. Its new master."""
        _, target = self.begin_move()
        while self.move_some(100):
            pass
        self.end_move()
        return target

    def mended(self) -> None:
        """Start what is down, give the queue to a master with a replica, and empty it all."""
        for node in self.nodes:
            _begin_again(node)
        self._wait()
        for node in self.masters():
            node.cluster("SETSLOT", SLOT, "STABLE")
        for node in self.masters():
            node.client.flushall()
        if not self._is_synchronized():
            self.replica().cluster("REPLICATE", self.master().id)
            poll_until(self._is_synchronized, "a replica of the queue's master")

    def close(self) -> None:
        """End it all."""
        for node in self.nodes:
            node.close()

    def _wait(self) -> None:
        poll_until(self._is_well, "a Cluster that is well")

    def _all_met(self) -> bool:
        return all(b"cluster_known_nodes:4" in node.cluster_info() for node in self.nodes)

    def _is_well(self) -> bool:
        return (
            all(b"cluster_state:ok" in node.cluster_info() for node in self.nodes)
            and len(self.masters()) == 3
            and len({owner for node in self.nodes for owner in self._owners(node)}) == 1
        )

    def _owners(self, node: Shard) -> set[bytes]:
        """Who serves the queue's slot in the eyes of this node."""
        return {master[2] for first, last, master, *_ in node.cluster("SLOTS") if first <= SLOT <= last}

    def _is_synchronized(self) -> bool:
        found = self.master().client.info("replication")
        return any(found.get(f"slave{number}", {}).get("state") == "online" for number in range(2))


class Watched:
    """A master with a replica, behind three Sentinels."""

    def __init__(self, program: str = ANY, settings: Mapping[str, str] | None = None) -> None:
        options = {"repl-diskless-sync-delay": "0", **(settings or {})}
        self.nodes = [Server(program, tcp=True, settings=options) for _ in range(2)]
        self.nodes[1].client.replicaof("127.0.0.1", self.nodes[0].port)
        self._directory = Path(tempfile.mkdtemp(prefix="emp-"))
        self._sentinels: list[tuple[subprocess.Popen[bytes], Any]] = []
        ports = [self._start_sentinel(program, number) for number in range(3)]
        self.url = f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in ports)}/{SERVICE}"
        self._wait()

    def master(self) -> Server:
        """The server that has the queue now, by the Sentinels."""
        _, port = self._sentinels[0][1].execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(node for node in self.nodes if node.port == int(port))

    def replica(self) -> Server:
        """The other server."""
        master = self.master()
        return next(node for node in self.nodes if node is not master)

    def fail_over(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Kill or stop the master, and wait until its replica has taken over."""
        lost, replica = self.master(), self.replica()
        _end(lost, how)
        poll_until(lambda: self.master() is replica and _is_master(replica), "a replica that takes over")

    def mended(self) -> None:
        """Start what is down, and empty it all."""
        for node in self.nodes:
            if _begin_again(node):
                # The Sentinels would take ten seconds to tell it.
                node.client.replicaof("127.0.0.1", self.master().port)
        self._wait()
        self.master().client.flushall()

    def close(self) -> None:
        """End it all."""
        for process, client in self._sentinels:
            client.close()
            process.kill()
            process.wait()
        for node in self.nodes:
            node.close()
        shutil.rmtree(self._directory)

    def _start_sentinel(self, program: str, number: int) -> int:
        port = free_port()
        configuration = self._directory / f"{number}.conf"
        configuration.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {self._directory}\nlogfile {self._directory}/{number}.log\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {self.nodes[0].port} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} {TIMEOUT_MS}\n"
            f"sentinel failover-timeout {SERVICE} {5 * TIMEOUT_MS}\n"
        )
        command = [binary(program), str(configuration), "--sentinel"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
        self._sentinels.append((process, redis.Redis(port=port, protocol=2)))
        return port

    def _wait(self) -> None:
        poll_until(self._is_well, "Sentinels that know their master, its replica and each other")

    def _is_well(self) -> bool:
        try:
            for _, client in self._sentinels:
                flat = client.execute_command("SENTINEL", "MASTER", SERVICE)
                found = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
                told = {_text(name): _text(value) for name, value in found.items()}
                if (told["flags"], told["num-slaves"], told["num-other-sentinels"]) != ("master", "1", "2"):
                    return False
        except RedisError:
            return False
        return bool(self.replica().client.info("replication").get("master_link_status") == "up")


def cut_off(replica: Server) -> None:
    """From now on its master sends it nothing: it has a password that the master refuses."""
    replica.client.config_set("masterauth", "wrong")
    replica.client.client_kill_filter(_type="master")
    poll_until(lambda: replica.client.info("replication")["master_link_status"] == "down", "a replica without a master")


def _end(node: Server, how: signal.Signals) -> None:
    node.process.send_signal(how)
    if how is signal.SIGKILL:
        node.process.wait()


def _is_master(node: Server) -> bool:
    try:
        return bool(node.client.info("replication")["role"] == "master")
    except redis.ConnectionError:  # a Sentinel closes all connections of the server that it promotes
        return False


def _is_up(node: Server) -> bool:
    return node.process.poll() is None and psutil.Process(node.process.pid).status() != psutil.STATUS_STOPPED


def _begin_again(node: Server) -> bool:
    """Start it if it is down, or let it go on if it was stopped. Whether it was either."""
    if _is_up(node):
        node.client.config_set("masterauth", "")
        return False
    if node.process.poll() is None:
        node.process.send_signal(signal.SIGCONT)
    else:
        node.start()
    return True


def _text(word: object) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)


Kind = TypeVar("Kind", Shards, Watched)


class Replications:
    """Starts each of them when it is first asked for."""

    def __init__(self) -> None:
        self._running: dict[tuple[type[Shards] | type[Watched], str], Shards | Watched] = {}

    def shards(self, program: str = ANY) -> Shards:
        """A Cluster of three shards, well and empty."""
        return self._mended(Shards, program)

    def watched(self, program: str = ANY) -> Watched:
        """A master behind Sentinels, well and empty."""
        return self._mended(Watched, program)

    def close(self) -> None:
        for each in self._running.values():
            each.close()

    def _mended(self, kind: type[Kind], program: str) -> Kind:
        found = self._running.get((kind, program))
        if found is None:
            found = self._running[kind, program] = kind(program)
        found.mended()
        return cast(Kind, found)


@pytest.fixture(scope="session")
def replications() -> Iterator[Replications]:
    running = Replications()
    yield running
    running.close()


@pytest.fixture
def shards(replications: Replications) -> Shards:
    """A Cluster of three shards, well and empty."""
    return replications.shards()
