"""The key-leak check: every key is in the table of keys, has its type and bound, and belongs to something there is."""

from collections.abc import Callable, Iterator, Mapping

from tests.support.snapshot import Entry, Snapshot

FOR_FILTERS = ("class.jobs:{class}", "worker.jobs:{claimer}", "workflow.jobs:{workflow}")

STREAM_BLOCK = 100
"""A stream is trimmed in blocks of this many entries."""


def leaks(found: Snapshot) -> list[str]:
    """What is wrong, one line a key."""
    owners = _owners(found)
    problems = [f"{name} is not ours" for name in found.strangers]
    problems += [f"{entry.name}: {problem}" for entry in found.entries.values() for problem in _problems(entry, owners)]
    return problems + list(_stray_members(found))


def _stray_members(found: Snapshot) -> Iterator[str]:
    """Jobs that are listed for filters and do not exist."""
    for name in (entry.name for entry in found.entries.values() if entry.row and entry.row.name in FOR_FILTERS):
        yield from (f"{name}: lists {job}" for job in found.scores(name) if f"job:{job}" not in found.entries)


def _problems(entry: Entry, owners: Mapping[str, Callable[[str], bool]]) -> Iterator[str]:
    row = entry.row
    if row is None:
        yield "is in no row of the table of keys"
        return
    if entry.type != row.type:
        yield f"is a {entry.type}, the table says {row.type}"
    if row.expires != (entry.ttl_ms >= 0) and row.owner != "customer/key":
        yield "has no time to live" if row.expires else "has a time to live"
    if row.at_most is not None and len(entry.value) > row.at_most + (STREAM_BLOCK if row.type == "stream" else 0):
        yield f"has {len(entry.value)} entries, over its bound of {row.at_most}"
    owned = owners.get(row.owner)
    if owned is not None and not row.expires and not owned(row.id_in(entry.name) or ""):
        yield f"belongs to no {row.owner}"
    if row.owner == "customer/key" and entry.ttl_ms < 0 and not owners["job"](entry.value.split()[0].decode()):
        yield "outlives its job for ever"


def _owners(found: Snapshot) -> Mapping[str, Callable[[str], bool]]:
    numbers = {*found.fields("profiles").values(), *found.fields("profiles.closing")}
    classes_of = {name: found.fields(f"class:{name}").get("customer") for name in found.ids("class:{class}")}
    return {
        "job": lambda name: f"job:{name}" in found.entries,
        "class": lambda name: name in found.scores("classes"),
        "worker": lambda name: f"worker:{name}" in found.entries,
        "claimer": lambda name: name in found.members("workers.named"),
        "workflow": lambda name: f"workflow:{name}" in found.entries,
        "profile": lambda name: name in found.fields("profiles"),
        "number": lambda name: name in numbers,
        "customer": lambda name: name in classes_of.values(),
        "label": lambda name: all(f"job:{job}" in found.entries for job in found.scores(f"label.jobs:{name}")),
        "first4": lambda name: all(f"job:{job}" in found.entries for job in found.scores(f"ids:{name}")),
    }
