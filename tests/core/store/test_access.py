"""A user of Redis with just the rights that docs/redis.md gives it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from emp_core.clock import SystemClock
from emp_core.errors import AccessDenied
from emp_core.store import open_store
from emp_core.store.readings import read_state
from tests.support.builders import register, submit
from tests.support.redis_server import Server
from tests.support.time_travel import reap

PAGE = Path(__file__).parents[3] / "docs" / "redis.md"


@pytest.fixture
def rights() -> list[str]:
    """The rules behind `ACL SETUSER emp`."""
    (rules,) = re.findall(r"ACL SETUSER emp (.*)", PAGE.read_text())
    return str(rules).split()


@pytest.fixture
def user(server: Server, rights: list[str]) -> Iterator[str]:
    """The URL with which that user comes."""
    server.client.execute_command("ACL", "SETUSER", "emp", "reset", *rights)
    yield server.url.replace("://", "://emp:PASSWORD@")
    server.client.execute_command("ACL", "DELUSER", "emp")


async def test_user_of_the_page_can_do_all_that_emp_does(server: Server, user: str) -> None:
    server.client.function_flush()
    store = await open_store(user)
    try:
        worker = await register(store)
        await submit(store)
        assert await worker.complete(await worker.take()) == "ok"
        await submit(store)
        await reap(store)
        await store.inspector.summary()
        assert await store.events.latest()
        assert [each.current for each in await store.link.libraries()] == [True]
        await store.link.drop_library((await store.link.libraries())[0].name)
        await submit(store)
        assert (await read_state(store.link, SystemClock())).contents is not None
    finally:
        await store.close()


async def test_user_who_may_not_load_functions_is_told_so_and_works_once_they_are_there(
    server: Server, user: str
) -> None:
    server.client.function_flush()
    server.client.execute_command("ACL", "SETUSER", "emp", "-function|load")
    store = await open_store(user)
    try:
        with pytest.raises(AccessDenied, match="does not let this user load functions") as refused:
            await submit(store)
        assert str(refused.value.hint).startswith("ACL SETUSER it +fcall +function|load")
        await (await open_store(server.url)).close()
        await submit(store)
    finally:
        await store.close()
