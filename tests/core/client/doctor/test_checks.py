"""From readings to findings: what is well, what is not, and which command mends it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emp_core import __version__
from emp_core.client.doctor import Check, DiskReading, HubReading, MachineReading, State, findings
from emp_core.domain.worker import ServiceOutage, Worker, WorkerState
from emp_core.errors import EmpError, HubUnavailable, QueueUnavailable
from emp_core.store import Memory
from emp_core.store.keys import KEYS
from emp_core.store.readings import Contents, Readings, Size, Weight
from emp_core.store.server import SCHEMA
from tests.support.builders import make_capabilities

INFO = {
    "redis_version": "7.2.4",
    "aof_enabled": 1,
    "maxmemory": 0,
    "maxmemory_policy": "noeviction",
    "total_system_memory": 32_000_000_000,
    "maxclients": 10_000,
    "connected_clients": 12,
}
MEMORY = Memory(used=2_000_000, limit=0, waiting=3, recent=2, older=1, recent_ms=900_000)


def make_worker(**changes: Any) -> Worker:
    worker = Worker(
        id="gpu1:0",
        machine="gpu1",
        boot="b",
        state=WorkerState.READY,
        profile_id="p",
        capabilities=make_capabilities(),
        slots=1,
        services={"comfyui": "up"},
        info={"version": __version__},
        beat_at=1_000_000,
        lost_at=1_030_000,
        clock_ahead_ms=3,
    )
    return replace(worker, **changes)


CONTENTS = Contents(
    memory=MEMORY,
    jobs={"pending": 3, "active": 1, "completed": 3},
    workers=[make_worker()],
    lost=[],
    overdue={"leases that ended": 0},
    orphans=[],
    indexing=False,
    unworkable_classes=0,
    unworkable_jobs=0,
    quarantine={},
    quarantined=0,
    weights={"pending": Weight(jobs=3, mean=1_000, largest="7f3a", largest_bytes=5_000)},
)
READINGS = Readings(
    prefix="{emp}:",
    queue_id="q1",
    info=INFO,
    appendfsync="everysec",
    schema=SCHEMA,
    pings_ms=[0.2] * 100,
    clock_ahead_ms=1,
    at=1_001_000,
    sizes=[Size(key=next(row for row in KEYS if row.name == "events"), length=10, memory=4_000)],
    contents=CONTENTS,
)
HUB = HubReading(url="http://127.0.0.1:3001", version=__version__, queue_id="q1", clock_ahead_ms=0)
DISK = DiskReading(
    holds="the data directory",
    path=Path("/data"),
    free=70_000_000_000,
    total=270_000_000_000,
    setting="EMP_DATA_DIR",
)
MACHINE = MachineReading(disks=[DISK], gpus=["GPU 0: NVIDIA L4, 24.2 GB"])


def checks(
    name: str,
    readings: Readings | EmpError = READINGS,
    hub: HubReading | None = HUB,
    machine: MachineReading = MACHINE,
    **contents: Any,
) -> list[Check]:
    """Those of a name, if the contents of the queue were others."""
    if contents:
        readings = replace(READINGS, contents=replace(CONTENTS, **contents))
    return [check for check in findings(readings, [hub] if hub else [], machine) if check.name == name]


def check(name: str, readings: Readings | EmpError = READINGS, hub: HubReading | None = HUB, **contents: Any) -> Check:
    """The only one."""
    (found,) = checks(name, readings, hub, **contents)
    return found


def with_info(**info: Any) -> Readings:
    return replace(READINGS, info={**INFO, **info})


def test_a_queue_that_is_well_has_only_ok_and_no_fix() -> None:
    found = list(findings(READINGS, [HUB], MACHINE))
    assert {each.state for each in found} == {State.OK}
    assert {each.fix for each in found} == {""}


def test_appendfsync_no_is_a_warning() -> None:
    found = check("durability", replace(READINGS, appendfsync="no"))
    assert (found.state, found.fix.partition(",")[0]) == (State.WARN, "redis-cli CONFIG SET appendfsync everysec")


def test_a_redis_that_does_not_say_when_it_writes_is_no_warning() -> None:
    found = check("durability", replace(READINGS, appendfsync=None))
    assert (found.state, found.found) == (State.OK, "the append-only file is on (unknown)")


@pytest.mark.parametrize("name", ["indexes", "redis", "memory", "workers", "service", "versions", "hub", "chores"])
def test_each_check_has_a_name_of_its_own(name: str) -> None:
    assert checks(name)


def test_queue_that_cannot_be_read_fails_once_and_the_hubs_are_checked() -> None:
    away = QueueUnavailable("redis_unavailable", "cannot reach Redis", hint="start it")
    found = list(findings(away, [HUB], MACHINE))
    assert [(each.name, each.state) for each in found] == [
        ("redis", State.FAIL),
        ("hub", State.OK),
        ("disk", State.OK),
        ("gpus", State.OK),
    ]
    assert (found[0].found, found[0].fix) == ("cannot reach Redis", "start it")


@pytest.mark.parametrize(
    ("name", "info", "state", "fix"),
    [
        ("redis", {"redis_version": "6.2.1"}, State.FAIL, "upgrade the server"),
        ("durability", {"aof_enabled": 0}, State.WARN, "redis-cli CONFIG SET appendonly yes"),
        ("durability", {"aof_last_write_status": "err"}, State.FAIL, "free disk space"),
        ("durability", {"loading": 1}, State.WARN, "wait"),
        ("eviction", {"maxmemory": 1, "maxmemory_policy": "allkeys-lru"}, State.FAIL, "maxmemory-policy noeviction"),
        ("eviction", {"maxmemory_policy": "allkeys-lru"}, State.WARN, "maxmemory-policy noeviction"),
        ("connections", {"maxclients": 19}, State.FAIL, "CONFIG SET maxclients 10000"),
        ("connections", {"maxclients": 22}, State.WARN, "CONFIG SET maxclients 10000"),
        ("connections", {"connected_clients": 9_000}, State.WARN, "CONFIG SET maxclients 18000"),
    ],
)
def test_server_that_is_not_well_is_named_with_the_command(
    name: str, info: dict[str, Any], state: State, fix: str
) -> None:
    found = check(name, with_info(**info))
    assert found.state is state
    assert fix in found.fix


@pytest.mark.parametrize(
    ("memory", "machine", "state"),
    [
        ({"used": 70, "limit": 100}, 1_000, State.OK),
        ({"used": 81, "limit": 100}, 1_000, State.WARN),
        ({"used": 96, "limit": 100}, 1_000, State.FAIL),
        ({"used": 10, "limit": 2_000}, 1_000, State.WARN),
        ({"used": 600, "limit": 0}, 1_000, State.WARN),
        ({"used": 400, "limit": 0}, 1_000, State.OK),
        ({"used": 600, "limit": 0}, 0, State.OK),
    ],
)
def test_memory_is_judged_by_its_limit_or_by_the_machine(memory: dict[str, int], machine: int, state: State) -> None:
    readings = replace(
        with_info(total_system_memory=machine),
        contents=replace(CONTENTS, memory=replace(MEMORY, **memory)),
    )
    found = check("memory", readings)
    assert found.state is state
    assert bool(found.fix) is (state is not State.OK)


def test_crowded_memory_says_who_fills_it() -> None:
    crowded = replace(MEMORY, used=81, limit=100)
    assert "3 jobs wait, 2 finished in the last 15 minutes" in check("memory", memory=crowded).found


def test_slow_server_is_told_by_its_median_and_not_by_one_slow_ping() -> None:
    assert check("latency", replace(READINGS, pings_ms=[0.2] * 99 + [80.0])).state is State.OK
    slow = check("latency", replace(READINGS, pings_ms=[9.0] * 100))
    assert (slow.state, slow.found) == (State.WARN, "100 pings: median 9.0 ms, slowest 9.0 ms")


@pytest.mark.parametrize(
    ("ahead", "words"), [(5_000, "5.0s ahead of Redis's"), (-7_000, "7.0s behind Redis's"), (2_000, "agrees")]
)
def test_clock_of_this_machine_is_compared_with_redis(ahead: int, words: str) -> None:
    (own, *_) = checks("clock", replace(READINGS, clock_ahead_ms=ahead))
    assert words in own.found
    assert (own.state is State.OK) is (words == "agrees")


def test_clock_of_a_hub_is_compared_by_way_of_this_machine() -> None:
    hub = replace(HUB, clock_ahead_ms=-5_000)
    assert [each.state for each in checks("clock", hub=hub)].count(State.WARN) == 1
    agree = checks("clock", replace(READINGS, clock_ahead_ms=5_000), hub)
    assert [each.state for each in agree].count(State.WARN) == 1  # this machine's own


def test_clock_of_a_worker_is_named_by_its_machine() -> None:
    workers = [make_worker(), make_worker(id="gpu2:0", machine="gpu2", clock_ahead_ms=-90_000)]
    (off,) = [each for each in checks("clock", workers=workers) if each.fix]
    assert "machine gpu2 is 1m30s behind" in off.found
    assert off.fix == "on machine gpu2: timedatectl set-ntp true"


@pytest.mark.parametrize(
    ("schema", "state", "words"),
    [("99", State.FAIL, "has schema 99"), ("2", State.FAIL, "has schema 2"), (None, State.OK, "nothing is stored")],
)
def test_schema_that_this_version_does_not_read_fails(schema: str | None, state: State, words: str) -> None:
    found = check("schema", replace(READINGS, schema=schema))
    assert found.state is state
    assert words in found.found


def test_contents_that_cannot_be_read_are_not_judged() -> None:
    names = {each.name for each in findings(replace(READINGS, schema="99", contents=None), [HUB], MACHINE)}
    server = {"redis", "durability", "eviction", "connections", "latency", "clock", "schema", "keys"}
    assert names == server | {"hub", "disk", "gpus"}


@pytest.mark.parametrize(
    ("name", "contents", "state", "words", "fix"),
    [
        ("indexes", {"indexing": True}, State.WARN, "not all listed", "emp hub start"),
        ("leases", {"orphans": ["a", "b", "c", "d"]}, State.WARN, "4 leases of jobs that do not run: a, b, c and 1",
         "emp hub start"),
        ("chores", {"overdue": {"leases that ended": 2}}, State.FAIL, "2 leases that ended", "emp hub start"),
        ("unworkable", {"unworkable_classes": 1, "unworkable_jobs": 7}, State.WARN, "7 jobs of 1 kind",
         "emp jobs --unworkable"),
        ("quarantine", {"quarantined": 1, "quarantine": {"7f3a": "its hash cannot be read"}}, State.FAIL,
         "7f3a (its hash cannot be read)", "emp job show 7f3a"),
        ("workers", {"workers": []}, State.WARN, "no worker is running", "emp worker start"),
        ("workers", {"lost": ["gpu9:0"]}, State.WARN, "1 lost one: gpu9:0", "emp worker show gpu9:0"),
        ("workers", {"workers": [make_worker(state=WorkerState.FENCED)]}, State.WARN, "1 worker is fenced",
         "emp worker resume gpu1:0"),
        ("workers", {"workers": [make_worker(beat_at=900_000, lost_at=930_000)]}, State.WARN, "missed a beat: gpu1:0",
         "emp worker show gpu1:0"),
        ("versions", {"workers": [make_worker(info={"version": "0.0.1"})]}, State.WARN, "gpu1:0 (0.0.1)",
         f"install emp {__version__} on machine gpu1"),
    ],
)  # fmt: skip
def test_fault_of_the_queue_is_named_with_the_command(
    name: str, contents: dict[str, Any], state: State, words: str, fix: str
) -> None:
    found = check(name, **contents)
    assert found.state is state
    assert words in found.found
    assert fix in found.fix


def test_service_that_is_down_on_some_workers_warns_and_on_all_fails() -> None:
    down = make_worker(
        id="gpu2:0", services={"comfyui": "down"}, outages={"comfyui": ServiceOutage(why="refused", since=1)}
    )
    part = check("service", workers=[make_worker(), down])
    assert (part.state, part.found) == (State.WARN, "comfyui is down on 1 of 2 workers: gpu2:0: refused")
    assert check("service", workers=[down]).state is State.FAIL


@pytest.mark.parametrize(
    ("hub", "state", "words"),
    [
        (None, State.WARN, "no hub runs on this machine"),
        (HubReading(url="u", problem=HubUnavailable("away")), State.FAIL, "away"),
        (replace(HUB, version="0.0.1"), State.WARN, "of version 0.0.1"),
        (replace(HUB, warnings=["Redis is almost full"]), State.WARN, "Redis is almost full"),
    ],
)
def test_hub_that_is_not_well_is_named(hub: HubReading | None, state: State, words: str) -> None:
    found = check("hub", hub=hub)
    assert found.state is state
    assert words in found.found
    assert found.fix


def test_keys_of_another_type_fail_and_those_over_their_bound_warn() -> None:
    events = READINGS.sizes[0]
    assert check("keys", replace(READINGS, sizes=[replace(events, damaged=True)])).state is State.FAIL
    long = check("keys", replace(READINGS, sizes=[replace(events, length=10_000_000)]))
    assert (long.state, "events (10,000,000)" in long.found) == (State.WARN, True)
    assert check("keys").found == "the largest: events 4.0 kB"


def test_jobs_are_weighed_by_kind() -> None:
    assert check("jobs").found == "3 pending about 3.0 kB; largest of a sample: 7f3a with 5.0 kB"


@pytest.mark.parametrize(
    ("free", "state"),
    [(499_000_000, State.FAIL), (500_000_000, State.WARN), (4_900_000_000, State.WARN), (5_000_000_000, State.OK)],
)
def test_disk_that_fills_is_named_with_its_place_and_the_remedy(free: int, state: State) -> None:
    (found,) = checks("disk", machine=replace(MACHINE, disks=[replace(DISK, free=free)]))
    assert found.state is state
    assert found.found.endswith("of 270.0 GB free for the data directory in /data")
    assert ("set EMP_DATA_DIR to another disk" in found.fix) is (state is not State.OK)


def test_files_on_another_machine_need_no_disk_here() -> None:
    elsewhere = replace(MACHINE, files_elsewhere="s3://***@bucket/x")
    assert [each.found for each in checks("disk", machine=elsewhere)][1:] == [
        "job files are not on this machine: s3://***@bucket/x"
    ]


def test_gpus_are_listed_and_none_is_no_fault() -> None:
    assert [each.found for each in checks("gpus")] == ["GPU 0: NVIDIA L4, 24.2 GB"]
    (none,) = checks("gpus", machine=replace(MACHINE, gpus=[]))
    assert none.state is State.OK
    assert none.found.startswith("the NVIDIA driver shows none here")


def test_hub_of_another_queue_is_a_warning_and_not_the_hub_of_this_one() -> None:
    other = replace(HUB, queue_id="q2")
    missing, found = checks("hub", hub=other)
    assert (missing.state, missing.fix) == (State.WARN, "emp hub start")
    assert (found.state, found.found.partition(":")[0]) == (State.WARN, "http")
    assert "serves another queue (id q2)" in found.found
    assert "--redis, --context or EMP_KEY_PREFIX" in found.fix


@pytest.mark.parametrize("queue_id", ["q1", None])
def test_hub_of_this_queue_or_one_that_does_not_say_is_no_other(queue_id: str | None) -> None:
    assert check("hub", hub=replace(HUB, queue_id=queue_id)).state is State.OK
