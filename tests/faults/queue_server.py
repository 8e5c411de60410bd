"""A Redis with an append-only file that can be killed, restarted, and robbed of the end of its file."""

from pathlib import Path

from tests.support.redis_server import ANY, Server
from tests.support.waiting import poll_until

PAUSE_MS = 60_000


class QueueServer(Server):
    """One for a test."""

    def __init__(self) -> None:
        super().__init__(ANY, settings={"appendonly": "yes", "appendfsync": "everysec"})

    def crash(self) -> None:
        """`kill -9`, once every write that was answered is in the file: `everysec` may keep it back for two seconds."""
        self.client.execute_command("CLIENT", "PAUSE", PAUSE_MS, "WRITE")
        poll_until(lambda: self.client.info("persistence")["aof_buffer_length"] == 0, "a written append-only file")
        self.kill()

    @property
    def log_file(self) -> Path:
        """The last append-only file, the one that is being written."""
        return max((self.directory / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)

    def lose(self, count: int) -> None:
        """While it is down: the last bytes never reached the disk."""
        size = self.log_file.stat().st_size
        with self.log_file.open("r+b") as file:
            file.truncate(max(0, size - count))
