"""A client of the master that Sentinels name."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.sentinel import Sentinel

from emp_core.errors import Misconfigured


class _Client(Redis):
    """Lets go of its connections to the Sentinels too; redis-py keeps them."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        pool: Any = self.connection_pool
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def sentinel_client(url: str, options: Mapping[str, Any]) -> Any:
    """The client of a `redis+sentinel` URL. Raises `Misconfigured`."""
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise Misconfigured("REDIS_URL: redis+sentinel://host:26379,host:26379/SERVICE names no service")
    sentinels = [_host_and_port(host) for host in hosts.split(",")]
    user, _, password = credentials.rpartition(":")
    login = {"password": unquote(password), "username": unquote(user) or None} if credentials else {}
    options = {**options, **login, "db": int(database or 0)}
    asking = {"socket_timeout": None, "socket_connect_timeout": 3, "driver_info": None}
    sentinel = Sentinel(sentinels, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    return sentinel.master_for(service, redis_class=_Client, **options)


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    return host, int(port or 26379)
