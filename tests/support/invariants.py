"""The invariants that one look at Redis can check. `violations` names each broken rule and the key that breaks it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from emp_core.domain.policy import POLICY
from emp_core.store.events import PLAIN_LIFE
from tests.support.snapshot import Snapshot

WAITING = ("blocked", "delayed", "pending")
RUNNING = ("active", "cancelling")
ENDED = ("completed", "failed", "cancelled")


def violations(found: Snapshot) -> list[str]:
    """One line for each broken rule; damaged jobs are outside."""
    jobs = {name: job for name, job in found.jobs().items() if "state" in job}
    return [f"{name}: {what}" for name, rule in RULES.items() for what in rule(found, jobs)]


Jobs = Mapping[str, Mapping[str, str]]
Rule = Callable[[Snapshot, Jobs], Iterator[str]]


def _differ(what: str, found: Mapping[str, object], wanted: Mapping[str, object]) -> Iterator[str]:
    for name in sorted({*found, *wanted}):
        if found.get(name) != wanted.get(name):
            yield f"{what} has {name} = {found.get(name)}, it should be {wanted.get(name)}"


def _in_states(jobs: Jobs, *states: str) -> dict[str, Mapping[str, str]]:
    return {name: job for name, job in jobs.items() if job["state"] in states}


def one_claim(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    open_claims = {name: (job["worker"], job.get("nonce")) for name, job in _in_states(jobs, *RUNNING).items()}
    listed: dict[str, object] = {}
    for worker in found.ids("jobs:active:{worker}"):
        for nonce, job in found.fields(f"jobs:active:{worker}").items():
            if job in listed:
                yield f"{job} is under two claims: {listed[job]} and {(worker, nonce)}"
            listed[job] = (worker, nonce)
    yield from _differ("jobs:active", listed, open_claims)


def active_has_lease(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    yield from _differ("leases", dict.fromkeys(found.scores("leases")), dict.fromkeys(_in_states(jobs, *RUNNING)))
    for name in set(found.scores("leases")) ^ set(_in_states(jobs, *RUNNING)):
        yield f"{name} has a lease or runs, not both"
    for name in set(found.scores("timeouts")) ^ set(_in_states(jobs, "active")):
        yield f"{name} has a timeout or is active, not both"


def no_lease_for_terminal(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    ended = set(_in_states(jobs, *ENDED))
    for name in ("leases", "timeouts", "expiry", "delayed", "held", "blocked", "avoided", "avoided.until"):
        for job in ended & set(found.scores(name)):
            yield f"{job} has ended and is in {name}"
    for state in ENDED:
        for job in set(found.scores(f"jobs:{state}")) ^ set(_in_states(jobs, state)):
            yield f"{job} is {state} or listed so, not both"


def pending_is_listed(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    listed = [
        (job, f"jobs:pending:{name}", score)
        for name in found.ids("jobs:pending:{class}")
        for job, score in found.scores(f"jobs:pending:{name}").items()
    ] + [(job, "avoided", score) for job, score in found.scores("avoided").items()]
    times = Counter(job for job, _, _ in listed)
    for job, count in times.items():
        if count != 1:
            yield f"{job} is listed {count} times"
    for job in set(times) ^ set(_in_states(jobs, "pending")):
        yield f"{job} is pending or listed, not both"
    for job, where, score in listed:
        if job in jobs and (
            score != float(jobs[job]["score"]) or where not in ("avoided", f"jobs:pending:{jobs[job]['class']}")
        ):
            yield f"{job} is in {where} at {score:.0f}; its place is {jobs[job]['score']} of {jobs[job]['class']}"
    if set(found.scores("avoided")) != set(found.scores("avoided.until")):
        yield "avoided and avoided.until hold other jobs"


def waiting_is_listed(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    delayed = _in_states(jobs, "delayed")
    held = {name for name, job in delayed.items() if "held" in job}
    wanted = {"held": held, "delayed": set(delayed) - held, "blocked": set(_in_states(jobs, "blocked"))}
    for name, members in wanted.items():
        for job in members ^ set(found.scores(name)):
            yield f"{job} is {name} or in that list, not both"
    for name, waiting in _in_states(jobs, *WAITING).items():
        may_wait = waiting["state"] == "blocked" or "began" in waiting or (name in held and "deadline" not in waiting)
        may_wait = may_wait or "moving" in waiting
        if may_wait == (name in found.scores("expiry")):
            yield f"{name} is {waiting['state']}, and its queue time is {'' if may_wait else 'not '}watched"


def counters_match(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    counts = {state: int(count) for state, count in found.fields("counts").items() if count != "0"}
    yield from _differ("counts", counts, Counter(job["state"] for job in _in_states(jobs, *WAITING).values()))


def classes_count(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    classes = found.hashes("class:{class}")
    running = _in_states(jobs, *RUNNING).values()
    for field, wanted in (
        ("jobs", Counter(job["class"] for job in jobs.values())),
        ("active", Counter(job["class"] for job in running)),
    ):
        counts = {name: int(known.get(field, 0)) for name, known in classes.items()}
        yield from _differ(f"class.{field}", {name: n for name, n in counts.items() if n}, wanted)
    active = {name: int(count) for name, count in found.fields("customers.active").items()}
    yield from _differ("customers.active", active, Counter(job["customer"] for job in running if "customer" in job))


def heads_are_best(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    parked = found.members("parked")
    best = {name: max(found.scores(f"jobs:pending:{name}").values()) for name in found.ids("jobs:pending:{class}")}
    yield from _differ("heads", found.scores("heads"), {name: best[name] for name in best.keys() - parked})
    of_limits = {whose: found.scores(f"parked:{whose}") for whose in found.ids("parked:{whose}")}
    if parked != {name for classes in of_limits.values() for name in classes}:
        yield f"parked is {sorted(parked)}, for limits {of_limits}"
    for whose, classes in of_limits.items():
        yield from _differ(f"parked:{whose}", classes, {name: best.get(name) for name in classes})
    for whose, head in found.scores("reopened").items():
        if head != max(of_limits.get(whose, {}).values(), default=None):
            yield f"reopened has {whose} at {head:.0f}; it parks {of_limits.get(whose)}"


def class_lists(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    classes = set(found.scores("classes"))
    if classes != set(found.ids("class:{class}")):
        yield "classes and class:* name other classes"
    for name in ("classes.unjudged", "classes.empty", "improved", "heads"):
        for stray in set(found.scores(name)) - classes:
            yield f"{stray} is in {name} and no class"
    for stray in (found.members("classes.unworkable") | found.members("parked")) - classes:
        yield f"{stray} is unworkable or parked and no class"
    for name in classes:
        if found.fields(f"class:{name}").get("jobs", "0") == "0" and name not in found.scores("classes.empty"):
            yield f"{name} has no jobs and nobody will drop it"


def ids_are_found(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    listed = {name for first4 in found.ids("ids:{first4}") for name in found.scores(f"ids:{first4}")}
    for name in set(jobs) ^ listed:
        yield f"{name} is a job or in a bucket of ids, not both"


def labels_index(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    wanted = {
        (label, name, float(job["created"]))
        for name, job in jobs.items()
        for label in job.get("labels", "").split("\n")
    }
    listed = {
        (label, name, score)
        for label in found.ids("label.jobs:{label}")
        for name, score in found.scores(f"label.jobs:{label}").items()
    }
    for entry in {entry for entry in wanted if entry[0]} ^ listed:
        yield f"{entry} in label.jobs:*, or such a job, not both"


def indexes_hold_all(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    """What filters find jobs by: each is listed at the time of its submit."""
    for row, field in (("class.jobs:{class}", "class"), ("worker.jobs:{claimer}", "worker")):
        literal = row.partition("{")[0]
        listed = {
            (name, job): at
            for name in found.ids(row)
            for job, at in found.scores(literal + name).items()
            if job in jobs
        }
        wanted = {(job[field], name): float(job["created"]) for name, job in jobs.items() if field in job}
        yield from _differ(literal, {str(at): n for at, n in listed.items()}, {str(at): n for at, n in wanted.items()})
    named = found.members("workers.named")
    for stray in named ^ {*found.ids("worker:{worker}"), *found.ids("worker.jobs:{claimer}")}:
        yield f"{stray} is in workers.named or has a record or jobs, not both"


def workflows_index(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    of_all = {(job["workflow"], name) for name, job in jobs.items() if "workflow" in job}
    of_pending = {(job["workflow"], name) for name, job in _in_states(jobs, "pending").items() if "workflow" in job}
    for row, wanted in (("workflow.jobs:{workflow}", of_all), ("workflow.pending:{workflow}", of_pending)):
        literal = row.partition("{")[0]
        listed = {(name, job) for name in found.ids(row) for job in found.scores(literal + name)}
        for entry in wanted ^ listed:
            yield f"{entry} in {literal}*, or such a job, not both"


def idle_is_consistent(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    by_number = {
        (worker, number)
        for number in found.ids("idle.workers:{number}")
        for worker in found.scores(f"idle.workers:{number}")
    }
    reserved = {
        (worker, name)
        for name in found.ids("idle.reserved:{whose}")
        for worker in found.scores(f"idle.reserved:{name}")
    }
    where = [(worker, *text.partition(" ")[::2]) for worker, text in found.fields("idle.where").items()]
    if by_number != {(worker, number) for worker, number, names in where if not names}:
        yield f"idle.workers:* hold {sorted(by_number)}, idle.where says {where}"
    if reserved != {(worker, name) for worker, _, names in where for name in names.split()}:
        yield f"idle.reserved:* hold {sorted(reserved)}, idle.where says {where}"
    if found.members("idle.names") != {name for _, name in reserved}:
        yield f"idle.names is {found.members('idle.names')}, they should be those of {sorted(reserved)}"
    numbers = {number for _, number in by_number}
    if set(found.scores("idle")) != numbers or _numbers_in(found.string("idle.bits")) != numbers:
        yield f"idle and idle.bits should name the numbers {sorted(numbers)}"
    for worker, _, _ in where:
        known = found.fields(f"worker:{worker}")
        if known.get("alive") != "1" or known.get("state") != "ready":
            yield f"{worker} is idle and {known.get('state')}, alive: {known.get('alive')}"


def profiles_count(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    live = {name: known for name, known in found.hashes("worker:{worker}").items() if known.get("alive") == "1"}
    counts = Counter(known["slot"] for known in live.values())
    yield from _differ("profiles.workers", found.scores("profiles.workers"), counts)
    if _numbers_in(found.string("profiles.live")) != set(counts):
        yield f"profiles.live should have the numbers {sorted(counts)}"
    if set(found.scores("workers")) != set(live):
        yield f"workers holds {sorted(found.scores('workers'))}, alive are {sorted(live)}"
    free, closing = found.members("profiles.free"), set(found.fields("profiles.closing"))
    numbers = [*found.fields("profiles").values(), *free, *closing]
    if sorted(numbers) != sorted(str(n) for n in range(len(numbers))):
        yield f"numbers are given twice or lost: {sorted(numbers)}"
    for name in found.ids("class.verdicts:{class}"):
        for number in _numbers_in(found.string(f"class.verdicts:{name}"), either=True) & free:
            yield f"number {number} is free and {name} has a verdict for it"


def children_are_awaited(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    left = set(found.ids("job.children.left:{job/generation}"))
    keys = [f"job.children:{parent}" for parent in found.ids("job.children:{job}")]
    keys += [f"job.children.left:{end}" for end in left]
    awaited = Counter(child for key in keys for child in found.members(key))
    for name, job in _in_states(jobs, "blocked").items():
        if int(job["waits"]) != awaited[name] or awaited[name] == 0:
            yield f"{name} waits for {job['waits']}, {awaited[name]} know of it"
    for parent in found.ids("job.children:{job}"):
        if parent in jobs and jobs[parent]["state"] in ENDED:
            yield f"{parent} has ended and nobody resolves its children"
    for end in left ^ set(found.fields("resolving")):
        yield f"{end} has children left or is in resolving, not both"


def events_are_gapless(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    last: dict[str, int] = {}
    attempts: dict[str, int] = {}
    ends: Counter[tuple[str, str]] = Counter()
    for entry in found.log("events"):
        name, job, gen, version, state, _, attempt, *_ = entry["e"].split(" ")
        if job == "-":
            continue
        if name == "imported":
            last[job] = int(version) - 1  # it goes on from the other queue's
        if int(version) != last.get(job, 0) + 1:
            yield f"{job} went from version {last.get(job, 0)} to {version}"
        if int(attempt) < attempts.get(job, 0):
            yield f"{job} went from attempt {attempts[job]} to {attempt}"
        last[job], attempts[job] = int(version), int(attempt)
        ends[job, gen] += state in ENDED
    yield from _differ(
        "version", {n: v for n, v in last.items() if n in jobs}, {n: int(j["ver"]) for n, j in jobs.items()}
    )
    for (job, gen), count in ends.items():
        if count > 1:
            yield f"{job} ended {count} times in generation {gen}"


def events_are_kept(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    told: dict[str, list[str]] = {name: [] for name in jobs}
    for entry in found.log("events"):
        name, job, *_ = entry["e"].split(" ")
        if name == "imported" and job in told:
            told[job] = []  # if it was here before, it left these events when it went
        if job in told:
            told[job].append(entry["e"])
    for name, texts in told.items():
        kept = [entry.partition(" ")[2] for entry in found.items(f"job.events:{name}")]
        plain = tuple(text.partition(" ")[0] for text in texts) == PLAIN_LIFE[: len(texts)]
        if kept != ([] if plain else texts[-POLICY.job_events_kept :]):
            yield f"{name} keeps the events {kept}, the stream has {texts}"


def trend_counts_each_event(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    counted: Counter[str] = Counter()
    for minute in found.ids("trend:{minute}"):
        for name, count in found.fields(f"trend:{minute}").items():
            counted["started" if name == "again" or name.startswith("wait ") else name] += int(count)
    told: Counter[str] = Counter()
    states: dict[str, str] = {}
    for entry in found.log("events"):
        name, job, _, version, state, _, _, code, *_ = entry["e"].split(" ")
        if job != "-":
            told.update(_counted(name, states.get(job), version, state, code))
            told["started"] -= name == "unclaimed" or (name, code) == ("released", "mismatch")
            states[job] = state
    # The event of a job that failed for good does not say whether its last worker lacked what it needs.
    if told["started"] - told["failed permanent"] <= counted["started"] <= told["started"]:
        told["started"] = counted["started"]
    yield from _differ("trend", {n: c for n, c in counted.items() if c}, {n: c for n, c in told.items() if c})


def _counted(name: str, before: str | None, version: str, state: str, code: str) -> Iterator[str]:
    if version == "1" or name == "imported":
        yield "submitted"
    if name == "retried":
        yield "retried"
    if name == "deleted" and before in WAITING:
        yield "moved"
    if state in ENDED:
        yield f"failed {code}" if state == "failed" else state
    if name == "claimed":
        yield "started"


def moving_is_listed(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    marked = {name: job["moving"] for name, job in jobs.items() if "moving" in job}
    yield from _differ("moving", found.fields("moving"), marked)
    for name in set(_in_states(jobs, "pending", *RUNNING)) & set(marked):
        yield f"{name} moves, and can run"
    for name, job in jobs.items():
        if job.get("held") == "moving" and name not in marked:
            yield f"{name} is held for a move and does not move"


def nothing_in_quarantine(found: Snapshot, jobs: Jobs) -> Iterator[str]:
    for job, why in found.fields("quarantine").items():
        yield f"{job}: {why}"


RULES: Mapping[str, Rule] = {
    "I1 oneClaim": one_claim,
    "I3 oneCommitPerGen, I10 versionsGapless, I11 attemptMonotone": events_are_gapless,
    "I6 noLeaseForTerminal": no_lease_for_terminal,
    "I7 activeHasLease": active_has_lease,
    "I8 pendingIsListed": pending_is_listed,
    "waitingIsListed": waiting_is_listed,
    "I14 countersMatch": counters_match,
    "classesCount": classes_count,
    "headsAreBest": heads_are_best,
    "classLists": class_lists,
    "idsAreFound": ids_are_found,
    "labelsIndex": labels_index,
    "indexesHoldAll": indexes_hold_all,
    "workflowsIndex": workflows_index,
    "idleIsConsistent": idle_is_consistent,
    "profilesCount": profiles_count,
    "childrenAreAwaited": children_are_awaited,
    "eventsAreKept": events_are_kept,
    "trendCountsEachEvent": trend_counts_each_event,
    "movingIsListed": moving_is_listed,
    "nothingInQuarantine": nothing_in_quarantine,
}


def _numbers_in(bits: bytes, *, either: bool = False) -> set[str]:
    """The numbers whose `fits` bit is set in a string of two bits a number, or whose bits are not both 0."""
    wanted = 3 if either else 1
    return {str(4 * at + n) for at, byte in enumerate(bits) for n in range(4) if byte >> (6 - 2 * n) & wanted}
