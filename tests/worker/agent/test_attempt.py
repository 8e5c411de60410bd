"""What a connector tells of its run, until it is taken away."""

import math
from collections.abc import AsyncIterator

import pytest

from daemons.worker.agent.attempt import MAX_WAITING_LINES, AttemptContext
from daemons.worker.agent.files import Files
from emp_core.artifacts import open_artifacts
from emp_core.domain.policy import MAX_LINE
from tests.support.fakes import FrozenClock
from tests.worker.agent.test_slot import make_claim


class Rig:
    def __init__(self, stall_ms: int = 0) -> None:
        self.clock = FrozenClock()
        self.news = 0
        self.artifacts = open_artifacts("memory://")
        files = Files(self.artifacts, None, lambda why: None)
        self.context = AttemptContext(make_claim(), files, self.artifacts, self.clock, self._tell, stall_ms)

    def _tell(self) -> None:
        self.news += 1


def test_nothing_new_is_no_report() -> None:
    assert Rig().context.take_report() is None


def test_many_calls_are_one_report_and_one_wake_up() -> None:
    rig = Rig(stall_ms=5)
    rig.context.progress(10, "first")
    rig.context.progress(20, "loading", node="KSampler")
    rig.context.log("a line")
    report = rig.context.take_report()
    assert report is not None
    assert (report.percent, report.message, report.lines) == (20, "KSampler: loading", ("a line",))
    assert (report.job_id, report.attempt, report.nonce, report.stall_ms) == ("job", 1, "nonce", 5)
    assert rig.news == 1
    assert rig.context.take_report() is None


@pytest.mark.parametrize(("said", "kept"), [(-5, 0.0), (250, 100.0), (33.3, 33.3)])
def test_percents_are_0_to_100(said: float, kept: float) -> None:
    rig = Rig()
    rig.context.progress(said)
    report = rig.context.take_report()
    assert report is not None
    assert report.percent == kept


def test_a_percent_that_is_no_number_leaves_the_last_one() -> None:
    rig = Rig()
    rig.context.progress(20)
    rig.context.progress(math.nan, "what?")
    report = rig.context.take_report()
    assert report is not None
    assert (report.percent, report.message) == (20, "what?")


def test_a_sign_of_life_leaves_the_progress_as_it_is() -> None:
    rig = Rig()
    rig.context.progress(50)
    rig.context.take_report()
    rig.context.alive()
    report = rig.context.take_report()
    assert report is not None
    assert report.percent is None


def test_lines_have_their_limits() -> None:
    rig = Rig()
    for _ in range(MAX_WAITING_LINES + 5):
        rig.context.log("x" * (MAX_LINE + 5))
    report = rig.context.take_report()
    assert report is not None
    assert len(report.lines) == MAX_WAITING_LINES
    assert {len(line) for line in report.lines} == {MAX_LINE}


def test_a_report_that_did_not_get_through_goes_with_the_next_one() -> None:
    rig = Rig()
    rig.context.progress(50)
    rig.context.log("first")
    report = rig.context.take_report()
    assert report is not None
    rig.context.log("second")
    rig.context.give_back(report)
    again = rig.context.take_report()
    assert again is not None
    assert (again.percent, again.lines) == (50, ("first", "second"))


def test_newer_progress_wins_over_what_is_given_back() -> None:
    rig = Rig()
    rig.context.progress(50)
    report = rig.context.take_report()
    assert report is not None
    rig.context.progress(60)
    rig.context.give_back(report)
    again = rig.context.take_report()
    assert again is not None
    assert again.percent == 60


def test_the_time_left_runs_down_from_the_claim() -> None:
    rig = Rig()
    rig.clock.advance(20)
    assert rig.context.time_left() == 40


@pytest.mark.parametrize(
    ("name", "kept"), [("a/b/c.png", "a/b/c.png"), ("..\\..\\x.png", "x.png"), ("/", "file"), ("plain", "plain")]
)
async def test_uploads_are_listed_under_their_attempt_by_a_safe_name(name: str, kept: str) -> None:
    rig = Rig()

    async def data() -> AsyncIterator[bytes]:
        yield b"data"

    artifact = await rig.context.upload(name, data(), "image/png")
    assert (artifact.id, artifact.name, artifact.size) == ("job/1/1", kept, 4)
    assert b"".join([chunk async for chunk in rig.context.download(artifact.id)]) == b"data"
