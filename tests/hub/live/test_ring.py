"""Ring: what it can replay, and that it says when it cannot."""

import pytest

from daemons.hub.live.ring import Ring
from emp_core.domain.events import Event


def events(*cursors: str) -> list[Event]:
    return [Event(cursor=cursor, name="submitted", job=cursor) for cursor in cursors]


def after(ring: Ring, cursor: str) -> list[str] | None:
    found = ring.after(cursor)
    return None if found is None else [event.cursor for event in found]


def test_the_events_behind_a_cursor_are_told() -> None:
    ring = Ring()
    ring.begin(events("5-0", "5-1", "7-0"), "7-0")
    ring.add(events("9-0", "10-0"))
    assert after(ring, "5-1") == ["7-0", "9-0", "10-0"]
    assert after(ring, "8-3") == ["9-0", "10-0"]
    assert after(ring, "10-0") == []


@pytest.mark.parametrize("cursor", ["4-0", "1-5", "10-1", "99-0"])
def test_a_cursor_outside_of_what_is_kept_is_not_known(cursor: str) -> None:
    ring = Ring()
    ring.begin(events("5-0", "10-0"), "10-0")
    assert after(ring, cursor) is None


def test_the_place_before_the_first_event_is_known() -> None:
    ring = Ring()
    ring.begin(events("5-1", "10-0"), "10-0")
    assert after(ring, "5-0") == ["5-1", "10-0"]


def test_events_behind_the_beginning_are_left_to_those_who_add_them() -> None:
    """They were written between the two reads of a hub that starts."""
    ring = Ring()
    ring.begin(events("5-0", "7-0", "9-0"), "7-0")
    assert after(ring, "5-0") == ["7-0"]
    ring.add(events("9-0"))
    assert after(ring, "5-0") == ["7-0", "9-0"]


def test_an_empty_stream_knows_its_own_place() -> None:
    ring = Ring()
    ring.begin([], "0-0")
    assert after(ring, "0-0") == []
    ring.add(events("5-0"))
    assert after(ring, "0-0") == ["5-0"]


def test_the_oldest_events_make_room() -> None:
    ring = Ring(kept=10)
    ring.begin([], "0-0")
    for number in range(1, 31):
        ring.add(events(f"{number}-0"))
        kept = after(ring, f"{max(number - 10, 0)}-0")
        assert kept is not None
        assert len(kept) == min(number, 10)
    assert after(ring, "5-0") is None
