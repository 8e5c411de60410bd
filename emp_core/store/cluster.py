"""A client of a Redis Cluster that sends every command to the node that has the queue.

All keys of a queue are in one slot. redis-py would send commands without a key, such as TIME and INFO, to a node of its
own choice, and would ask a node where the keys of each FCALL are.
"""

from typing import Any

from redis import exceptions
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.crc import key_slot

from emp_core.errors import QueueUnavailable


class SlotMoves(exceptions.ResponseError):
    """The queue's slot migrates to another node, and the command met a key that is not at this node (any more)."""


class QueueCluster(RedisCluster):
    """Follows the queue's slot when it has moved to another node, but goes to no second node while it moves.

    redis-py sends ASKING and the command on two connections, and a function that runs at the node that takes the slot
    over would not find the keys that have not moved yet.
    """

    def __init__(self, *arguments: Any, prefix: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._slot = key_slot(prefix.encode())
        parser: Any = _Unasked()
        self.commands_parser = parser
        # They put the answers of several nodes together.
        self.result_callbacks = {}

    async def _determine_slot(self, command: str, *args: Any) -> int:
        return self._slot

    async def _determine_nodes(self, command: str, *args: Any, **policy: Any) -> list[ClusterNode]:
        return [self.nodes_manager.get_node_from_slot(self._slot)]

    async def aclose(self) -> None:
        """Let go of all connections; redis-py keeps them if it is about to look where the slots are."""
        self._initialize = False
        await super().aclose()

    def look_again(self) -> None:
        """Ask the nodes which of them has the queue before the next command."""
        self._initialize = True


class _Unasked:
    """Stands for what learns from a node where commands have their keys; any node, also one that is dead."""

    async def initialize(self, node: ClusterNode) -> None:
        """There is nothing to learn: the slot is known."""


def not_asking(kind: Any) -> Any:
    """A kind of connection on which a slot that moves is an error that redis-py does not act on."""

    async def read_response(self: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return await kind.read_response(self, *arguments, **options)
        except exceptions.MovedError:
            raise
        except (exceptions.AskError, exceptions.TryAgainError) as error:
            raise SlotMoves(str(error)) from error

    return type("NotAsking", (kind,), {"read_response": read_response})


def is_moving(error: Exception) -> bool:
    """Whether a command or a function was refused since the slot of its keys migrates."""
    return isinstance(error, SlotMoves) or "access a non local key" in str(error)


def moving() -> QueueUnavailable:
    """The refusal of a call while the queue's slot migrates."""
    return QueueUnavailable(
        "moving", "Redis Cluster is moving the queue to another node", hint="repeat the call when the slot has moved"
    )
