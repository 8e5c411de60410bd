"""`make bench-peers` has what it needs: drivers, pinned versions, a table. Other queues are not run here."""

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import asdict

import pytest

from benchmarks.peers.driving import Order
from benchmarks.peers.environment import prepare, version
from benchmarks.peers.measures import MEASURES
from benchmarks.peers.peers import HERE, PEERS, REFERENCE, Peer
from benchmarks.peers.report import Found, as_markdown, names
from benchmarks.peers.zombie import in_words
from tests.generated import ROOT

ELSEWHERE = [peer for peer in PEERS if peer.environment]
(EMP,) = (peer for peer in PEERS if not peer.environment)
REDIS = {peer.name: peer for peer in PEERS}["saq"]
PIN = re.compile(r"[a-z0-9._-]+(\[[a-z,]+\])?==[0-9][\w.]*")


def test_every_driver_is_of_a_peer_and_the_other_way_round() -> None:
    assert {path.name for path in (HERE / "drivers").iterdir() if path.is_file()} == {peer.driver for peer in PEERS}


@pytest.mark.parametrize("peer", ELSEWHERE, ids=lambda peer: peer.name)
def test_environment_of_a_peer_pins_every_version(peer: Peer) -> None:
    if peer.requirements.is_dir():
        wanted = json.loads((peer.requirements / "package.json").read_text())["dependencies"]
        locked = json.loads((peer.requirements / "package-lock.json").read_text())["packages"]
        assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    else:
        lines = [line for line in peer.requirements.read_text().splitlines() if line and not line.startswith("#")]
        assert [line for line in lines if not PIN.fullmatch(line)] == []
    assert version(peer)[0].isdigit()


def test_mypy_leaves_out_the_python_drivers_of_other_queues_and_no_other_file_of_the_benchmarks() -> None:
    excluded = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["exclude"]
    foreign = [str(peer.path.relative_to(ROOT)) for peer in ELSEWHERE if peer.path.suffix == ".py"]
    wanted = [f"^{path.replace('.py', '')}\\.py$" for path in sorted(foreign)]
    assert [pattern for pattern in excluded if "benchmarks" in pattern] == wanted


def test_driver_of_emp_answers_a_check() -> None:
    command = prepare(EMP)
    order = json.dumps(asdict(Order(do="check")))
    ran = subprocess.run(
        command.arguments, cwd=command.folder, input=f"{order}\n", capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == {"checked": "Emp"}
    assert sys.executable in command.arguments


def test_unknown_peer_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(ValueError, match="no peer bull; there are emp, bullmq-priorities,"):
        names("emp,bull")
    assert names("") == list(PEERS)
    assert [peer.name for peer in names("huey, emp")] == ["huey", "emp"]


def test_table_shows_ratios_of_each_round_bars_and_peers_that_are_left_out() -> None:
    figures = {"one": 100.0, "drain": 50.0, "p50": 1.0}
    rounds = [
        {"emp": {"one": 90.0 * speed, "drain": 100.0 * speed, "p50": 1.1}, REFERENCE: figures} for speed in (1, 1, 0.1)
    ]
    page = as_markdown(
        Found(rounds=list(rounds), left_out={"rabbitmq": "epmd is not on PATH"}, zombies={"emp": "refused"}),
        "machine",
        {"emp": "1.0", REFERENCE: "2.0", "rabbitmq": "3.0"},
    )
    assert "| emp 1.0 | 90 (0.90) | - | - | 100 (2.00) | 1.1 (1.10) |" in page
    assert "| submit one by one, jobs/s | 0.90 | ≥ 0.8 | ≥ 1.0 | met |" in page
    assert "| submit in bulk, jobs/s | - | ≥ 1.0 | ≥ 2.0 | not measured |" in page
    assert "| drain, jobs/s | 2.00 | ≥ 1.0 | ≥ 1.5 | met (aim) |" in page
    assert "| rabbitmq | left out: epmd is not on PATH |" in page
    assert "do not edit" in page.splitlines()[0]


@pytest.mark.parametrize(("ratio", "verdict"), [(0.9, "met (aim)"), (1.1, "met"), (1.3, "**missed**")])
def test_bar_of_a_time_is_met_by_a_lower_ratio(ratio: float, verdict: str) -> None:
    p50 = next(measure for measure in MEASURES if measure.key == "p50")
    assert p50.verdict(ratio) == verdict


@pytest.mark.parametrize(
    ("again", "before", "after", "late", "words"),
    [
        (7.0, "B", "B", True, "run again after 7 s; the late result is refused"),
        (7.0, "B", "A", True, "run again after 7 s; the late result **overwrites** the first"),
        (7.0, "B", "B", False, "run again after 7 s; the first worker stops its run and reports nothing"),
        (None, None, "A", True, "not run again within 100 s; the late result is accepted"),
        (None, None, None, True, "not run again within 100 s; the late result is lost: None is kept"),
        (None, None, "A", False, "not run again within 100 s; the first worker stops its run and reports nothing"),
    ],
)
def test_results_before_and_after_say_what_became_of_the_late_one(
    again: float | None, before: str | None, after: str | None, late: bool, words: str
) -> None:
    assert in_words(REDIS, again, before, after, late=late) == words
