"""Outbox: order, replacement, and an end."""

import asyncio

from daemons.hub.ws.outbox import MAX_BYTES, MAX_MESSAGES, Outbox


async def test_messages_come_out_in_order_and_the_latest_of_a_key_in_the_place_of_the_first() -> None:
    outbox = Outbox()
    outbox.put("a")
    outbox.put("10 %", key="progress")
    outbox.put("b")
    outbox.put("20 %", key="progress")
    assert [await outbox.take() for _ in range(3)] == ["a", "20 %", "b"]
    outbox.put("30 %", key="progress")
    assert await outbox.take() == "30 %"


async def test_a_reader_waits_for_the_next_message() -> None:
    outbox = Outbox()
    waiting = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.put("a")
    assert await waiting == "a"


async def test_too_many_messages_end_it() -> None:
    outbox = Outbox()
    for _ in range(MAX_MESSAGES):
        outbox.put("a")
    assert not outbox.overflow.is_set()
    outbox.put("a")
    assert outbox.overflow.is_set()


async def test_too_many_bytes_end_it_but_one_large_message_does_not() -> None:
    outbox = Outbox()
    outbox.put("x" * 2 * MAX_BYTES)
    assert len(await outbox.take()) == 2 * MAX_BYTES
    outbox.put("x" * MAX_BYTES)
    outbox.put("y", key="one")
    assert outbox.overflow.is_set()


async def test_what_was_taken_or_replaced_does_not_count() -> None:
    outbox = Outbox()
    for _ in range(10):
        outbox.put("x" * (MAX_BYTES // 2), key="picture")
    outbox.put("y" * (MAX_BYTES // 4))
    assert not outbox.overflow.is_set()
    await outbox.take()
    outbox.put("z" * (MAX_BYTES // 2))
    assert not outbox.overflow.is_set()
