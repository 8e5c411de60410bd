"""Why a job waits, for each thing that can be in the way."""

from dataclasses import replace
from typing import Any

import pytest

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.explain import Explanation, explain, explain_worker
from emp_core.domain.explanation_views import explanation_view, worker_explanation_view
from emp_core.domain.job import Job
from emp_core.domain.matching import match
from emp_core.domain.requirements import Requirements
from emp_core.domain.standing import Line, Situation, Tier, WaitingClass
from emp_core.domain.states import JobState
from emp_core.domain.worker import ServiceOutage, Worker, WorkerState

NOW = 1_767_225_600_000
STORE_DOWN = ServiceOutage(why="the file store is unavailable: no answer", since=NOW - 40_000)


def make_job(**changes: Any) -> Job:
    asked = Requirements.parse({"services": ["comfyui"], "gpu_memory_gb": 16})
    job = Job(
        id="j0b1",
        state=JobState.PENDING,
        class_id=asked.class_id,
        requirements=asked,
        priority=50,
        score=1,
        gen=0,
        attempt=0,
        failures=0,
        losses=0,
        releases=0,
        version=1,
        max_failures=3,
        created_at=NOW - 60_000,
    )
    return replace(job, **changes)


def make_worker(name: str = "gpu1:0", *, gpu_memory_gb: int = 24, **changes: Any) -> Worker:
    has = Capabilities.parse({"services": ["comfyui", "a1111"], "gpu_memory_gb": gpu_memory_gb})
    worker = Worker(
        id=name,
        machine="gpu1",
        boot="b",
        state=WorkerState.READY,
        profile_id=has.profile_id,
        capabilities=has,
        slots=1,
        services={"comfyui": "up", "a1111": "up"},
    )
    return replace(worker, **changes)


def explained(job: Job, *fleet: Worker, **more: Any) -> Explanation:
    return explain(Situation(job=job, fleet=fleet, now=NOW, **more))


def codes(explanation: Explanation) -> list[str]:
    return [reason.code for reason in explanation.reasons]


def others(jobs: int, *, avoid: tuple[str, ...] = (), **asked: Any) -> WaitingClass:
    requirements = Requirements.parse({"services": ["comfyui"], **asked})
    return WaitingClass(class_id=requirements.class_id, requirements=requirements, jobs=jobs, avoid=avoid)


def line(*classes: WaitingClass, exact: bool = True) -> Line:
    return Line(classes=classes, exact=exact)


def test_a_free_worker_that_fits_means_now() -> None:
    explanation = explained(make_job(), make_worker())
    assert (explanation.tier, codes(explanation)) == (Tier.NOW, ["free"])
    assert explanation.reasons[0].text == "worker gpu1:0 is free and takes it with its next claim"


def test_a_job_that_a_worker_lacks_something_for_says_what() -> None:
    job = make_job(avoid=("gpu1:0",), lacking=True)
    busy = make_worker("gpu2:0", active=("other",))
    lacks = {"gpu1:0": "lacks the node class 'Foo'"}
    explanation = explained(job, make_worker(), busy, avoided_until=NOW + 1, lacks=lacks)
    assert codes(explanation)[0] == "lacking"
    assert (
        explanation.reasons[0].text == "it waits for a worker that has what it needs: gpu1:0 lacks the node class 'Foo'"
    )
    assert [standing.reason for standing in explanation.standings if standing.worker.id == "gpu1:0"] == list(
        lacks.values()
    )


def test_a_service_that_works_for_other_clients_is_in_the_way_for_now() -> None:
    worker = make_worker(services={"comfyui": "busy", "a1111": "down"})
    explanation = explained(make_job(), worker)
    assert explanation.tier is Tier.NOT_NOW
    assert explanation.standings[0].reason == "a1111 down, comfyui busy with other clients' prompts"


def test_without_workers_it_is_never_and_the_hint_starts_one() -> None:
    explanation = explained(make_job())
    assert (explanation.tier, codes(explanation)) == (Tier.NEVER, ["no_worker"])
    assert explanation.reasons[0].hint == "emp worker start --services comfyui"


def test_where_no_worker_fits_it_is_never_and_the_nearest_miss_is_named() -> None:
    explanation = explained(make_job(), make_worker("small", gpu_memory_gb=8), make_worker("tiny", gpu_memory_gb=4))
    assert (explanation.tier, codes(explanation)) == (Tier.NEVER, ["unworkable"])
    assert explanation.nearest[0].sentence() == "small would fit if gpu_memory_gb were 16 (has 8)"
    assert [standing.tier for standing in explanation.standings] == [Tier.NEVER, Tier.NEVER]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"active": ("other",)}, "busy: 1 of 1 slots"),
        ({"state": WorkerState.PAUSED, "reason": "driver update"}, "paused: driver update"),
        ({"state": WorkerState.DRAINING}, "draining"),
        ({"state": WorkerState.FENCED, "reason": "three_failures"}, "fenced: three_failures"),
        ({"beat_at": NOW - 16_000, "lost_at": NOW + 14_000}, "silent: not seen for 16s"),
        ({"services": {"comfyui": "down", "a1111": "up"}}, "comfyui down"),
        ({"services": {"comfyui": "down", "a1111": "down"}}, "a1111, comfyui down"),
        (
            {"services": {"comfyui": "down", "a1111": "up"}, "outages": {"comfyui": STORE_DOWN}},
            "comfyui down: the file store is unavailable: no answer (for 40s)",
        ),
        (
            {
                "services": {"comfyui": "down", "a1111": "down"},
                "outages": {"comfyui": STORE_DOWN, "a1111": replace(STORE_DOWN, since=NOW + 1_000)},
            },
            "a1111, comfyui down: the file store is unavailable: no answer (for 40s)",
        ),
        (
            {
                "services": {"comfyui": "busy", "a1111": "down"},
                "outages": {"comfyui": ServiceOutage(why="works on 2 prompts", since=NOW), "a1111": STORE_DOWN},
            },
            "a1111 down: the file store is unavailable: no answer (for 40s), "
            "comfyui busy: works on 2 prompts (for 0.0s)",
        ),
    ],
)
def test_a_worker_that_fits_and_cannot_take_it_now_says_why(changes: dict[str, Any], reason: str) -> None:
    explanation = explained(make_job(), make_worker(**changes))
    assert (explanation.tier, codes(explanation)) == (Tier.NOT_NOW, ["not_free"])
    assert explanation.standings[0].reason == reason
    assert reason in explanation.reasons[0].text


def test_several_workers_that_are_not_free_are_counted_by_why() -> None:
    busy = [make_worker(f"busy{number}", active=("x",)) for number in (1, 2)]
    explanation = explained(make_job(), *busy, make_worker("p", state=WorkerState.PAUSED, reason="x"))
    assert explanation.reasons[0].text == "none of the 3 workers that fit is free: 2 busy, 1 paused"


def test_jobs_ahead_count_only_if_the_same_worker_takes_them() -> None:
    explanation = explained(make_job(), make_worker(), line=line(others(2), others(9, gpu_memory_gb=80), others(3)))
    assert (explanation.ahead, explanation.ahead_exact) == (5, True)
    assert (explanation.tier, codes(explanation)) == (Tier.NOT_NOW, ["behind"])
    assert explanation.reasons[0].text == "5 jobs are ahead of it"


def strict_worker(**changes: Any) -> Worker:
    worker = make_worker("strict", **changes)
    has = replace(worker.capabilities, isolation="strict", allowed_customers=("acme",))
    return replace(worker, capabilities=has, profile_id=has.profile_id)


def acme_job() -> Job:
    asked = Requirements.parse({"services": ["comfyui"], "customer_id": "acme"})
    return make_job(requirements=asked, class_id=asked.class_id, customer_id="acme")


def test_a_free_worker_that_takes_none_of_the_jobs_ahead_means_now() -> None:
    busy = make_worker("shared", active=("x",))
    explanation = explained(acme_job(), busy, strict_worker(), line=line(others(38_059, customer_id="bolt")))
    assert (explanation.tier, explanation.ahead) == (Tier.NOW, 0)
    assert [(each.worker.id, each.ahead) for each in explanation.standings] == [("strict", 0), ("shared", 38_059)]


def test_without_a_free_worker_the_busy_one_with_the_fewest_jobs_ahead_counts() -> None:
    busy = [make_worker("shared", active=("x",)), strict_worker(active=("y",))]
    paused = make_worker("paused", state=WorkerState.PAUSED)
    ahead = line(others(7, customer_id="bolt"), others(2, customer_id="acme"))
    explanation = explained(acme_job(), *busy, paused, line=ahead)
    assert (explanation.ahead, codes(explanation)) == (2, ["not_free", "behind"])


def test_a_line_that_was_not_read_whole_says_so_and_promises_nothing() -> None:
    explanation = explained(make_job(), make_worker(), line=line(others(3, gpu_memory_gb=80), exact=False))
    assert (explanation.tier, explanation.ahead, explanation.ahead_exact) == (Tier.NOT_NOW, 0, False)
    assert explanation.reasons[0].text.startswith("at least 0 jobs are ahead of it: more than 1000 kinds of jobs wait")


def test_a_line_that_was_read_for_a_profile_counts_for_its_workers() -> None:
    worker = make_worker()
    lines = {worker.profile_id: line(others(4))}
    explanation = explained(make_job(), worker, line=line(exact=False), lines=lines)
    assert (explanation.ahead, explanation.ahead_exact) == (4, True)


def test_a_returned_job_is_ahead_only_at_workers_that_it_does_not_avoid() -> None:
    explanation = explained(make_job(), make_worker("one"), make_worker("two"), line=line(others(1, avoid=("one",))))
    assert [(each.worker.id, each.tier, each.ahead) for each in explanation.standings] == [
        ("one", Tier.NOW, 0),
        ("two", Tier.NOT_NOW, 1),
    ]


def test_a_worker_that_is_reserved_for_a_workflow_takes_only_its_jobs() -> None:
    reserved = make_worker("reserved", workflow="w1")
    explanation = explained(make_job(workflow_id="w2"), reserved, line=line(others(5)))
    assert (explanation.tier, codes(explanation)) == (Tier.NEVER, ["unworkable"])
    assert explanation.standings[0].reason == "reserved for workflow w1"
    explanation = explained(make_job(workflow_id="w1"), reserved, line=line(others(5)), workflow_line=line(others(1)))
    assert (explanation.tier, explanation.ahead) == (Tier.NOT_NOW, 1)


def test_a_worker_at_its_limit_of_customers_goes_on_with_those_it_has() -> None:
    worker = make_worker(slots=2, active=("x",), max_customers=1)
    running = {worker.id: frozenset({"acme"})}
    explanation = explained(make_job(customer_id="bolt"), worker, customers=running)
    assert explanation.standings[0].reason == "at its limit of customers: it runs jobs of acme"
    explanation = explained(acme_job(), worker, customers=running, line=line(others(5, customer_id="bolt")))
    assert (explanation.tier, explanation.ahead) == (Tier.NOW, 0)


def test_a_service_that_is_down_takes_no_jobs_ahead() -> None:
    worker = make_worker(services={"comfyui": "up", "a1111": "down"})
    ahead = Requirements.parse({"services": ["a1111"]})
    other = WaitingClass(class_id=ahead.class_id, requirements=ahead, jobs=3)
    assert explained(make_job(), worker, line=line(other)).tier is Tier.NOW


def test_a_job_whose_deadline_has_passed_is_not_said_to_start() -> None:
    explanation = explained(make_job(deadline=NOW - 1), make_worker())
    assert (explanation.tier, codes(explanation)) == (Tier.NOT_NOW, ["expired"])


def test_a_job_held_back_says_who_can_let_it_go() -> None:
    explanation = explained(make_job(state=JobState.DELAYED, held=True, due_at=NOW + 90_000), make_worker())
    assert (explanation.tier, codes(explanation)) == (Tier.NOT_NOW, ["held"])
    assert explanation.reasons[0].hint == "emp job unhold j0b1"


@pytest.mark.parametrize(
    ("failures", "due", "text"),
    [
        (0, 90_000, "due in 1m30s"),
        (2, 7_000, "failed 2 of 3 times, retries in 7.0s"),
        (1, -1, "due now: the next claim or a hub moves it to pending"),
    ],
)
def test_a_delayed_job_says_for_what_and_how_long(failures: int, due: int, text: str) -> None:
    job = make_job(state=JobState.DELAYED, failures=failures, due_at=NOW + due)
    explanation = explained(job, make_worker())
    assert (codes(explanation), explanation.reasons[0].text) == (["delayed"], text)


def test_a_blocked_job_names_what_it_waits_for_and_not_what_is_done() -> None:
    parents = {"a": "completed", "b": "active"}
    explanation = explained(make_job(state=JobState.BLOCKED), make_worker(), parents=parents)
    assert explanation.reasons[0].text == "it waits for b (active)"


def test_what_can_never_run_comes_before_what_only_delays_it() -> None:
    assert codes(explained(make_job(state=JobState.DELAYED, held=True))) == ["no_worker", "held"]


def test_a_limit_is_told_in_its_own_words() -> None:
    explanation = explained(make_job(), make_worker(), limit="customer acme may run 3 jobs at once")
    assert (explanation.tier, explanation.reasons[0].text) == (Tier.NOT_NOW, "customer acme may run 3 jobs at once")


def test_a_returned_job_waits_for_another_worker() -> None:
    job = make_job(avoid=("gpu1:0",))
    assert explained(job, make_worker(), make_worker("gpu2:0"), avoided_until=NOW + 40_000).tier is Tier.NOW
    explanation = explained(job, make_worker(), make_worker("gpu2:0", active=("x",)), avoided_until=NOW + 40_000)
    assert explanation.tier is Tier.NOT_NOW
    assert codes(explanation)[0] == "avoided"
    assert explanation.standings[0].reason.startswith(("avoided", "busy"))


@pytest.mark.parametrize(
    ("state", "tier", "code"),
    [
        (JobState.ACTIVE, Tier.NOW, "runs"),
        (JobState.CANCELLING, Tier.NOW, "runs"),
        (JobState.COMPLETED, None, "ended"),
        (JobState.FAILED, None, "ended"),
        (None, None, "corrupt"),
    ],
)
def test_a_job_that_does_not_wait_says_so(state: JobState | None, tier: Tier | None, code: str) -> None:
    explanation = explained(make_job(state=state, worker="gpu1:0"), make_worker())
    assert (explanation.tier, codes(explanation)) == (tier, [code])
    view = explanation_view(explanation)
    assert (view["job"], view["state"], view["tier"]) == ("j0b1", state, tier)


def test_the_standings_agree_with_the_predicate() -> None:
    fleet = [make_worker(f"w{size}", gpu_memory_gb=size) for size in (4, 16, 24)]
    job = make_job()
    for standing in explained(job, *fleet).standings:
        assert standing.verdict == match(job.requirements, standing.worker.capabilities)


def test_a_worker_tells_what_it_takes_and_what_it_skips() -> None:
    waiting = line(others(2), others(1, gpu_memory_gb=80), others(4, gpu_memory_gb=8), others(1, avoid=("gpu1:0",)))
    explanation = explain_worker(make_worker(active=("x",)), waiting, NOW)
    assert explanation.reason == "busy: 1 of 1 slots"
    assert [each.jobs for each in explanation.takes] == [2, 4]
    assert [miss.sentence() for each in explanation.skips for miss in each.verdict.misses] == [
        "gpu_memory_gb: needs 80 GB, worker has 24 GB"
    ]


def test_the_views_name_every_dimension() -> None:
    view = explanation_view(explained(make_job(), make_worker(gpu_memory_gb=8)))
    (worker,) = view["workers"]
    assert worker["dimensions"]["hardware"] == [
        {"dimension": "hardware", "field": "gpu_memory_gb", "asked": 16, "offered": 8}
    ]
    assert len(worker["dimensions"]) == 10
    assert view["nearest"][0]["capabilities"] == {"gpu_memory_gb": 16}
    skipped = worker_explanation_view(explain_worker(make_worker(), line(others(1, gpu_memory_gb=80)), NOW))["skips"]
    assert (skipped[0]["jobs"], skipped[0]["misses"][0]["asked"]) == (1, 80)


def test_a_free_worker_with_one_service_down_says_why_that_is_down() -> None:
    worker = make_worker(services={"comfyui": "down", "a1111": "up"}, outages={"comfyui": STORE_DOWN})
    explanation = explain_worker(worker, line(), NOW)
    assert (explanation.reason, explanation.outage) == (
        "free",
        "comfyui down: the file store is unavailable: no answer (for 40s)",
    )


@pytest.mark.parametrize(
    ("due", "when"),
    [(43_000, "offered again in 43s"), (-1, "offered again with the next claim, or by a hub")],
)
def test_a_job_delayed_because_too_many_wait_for_another_worker_says_so(due: int, when: str) -> None:
    job = make_job(state=JobState.DELAYED, due_at=NOW + due, avoid=("gpu1:0",), lacking=True)
    lacks = {"gpu1:0": "lacks the node class 'Foo'"}
    explanation = explained(job, make_worker(), make_worker("gpu2:0"), lacks=lacks, awaits_room=True)
    assert (explanation.tier, codes(explanation)) == (Tier.NOT_NOW, ["lacking", "delayed"])
    assert [reason.text for reason in explanation.reasons] == [
        "it waits for a worker that has what it needs: gpu1:0 lacks the node class 'Foo'",
        f"256 jobs already wait for another worker, and no more may: it is {when}",
    ]
    reasons = {standing.worker.id: standing.reason for standing in explanation.standings}
    assert reasons == {"gpu1:0": "lacks the node class 'Foo'", "gpu2:0": "free"}
