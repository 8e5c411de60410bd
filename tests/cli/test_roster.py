"""The processes of this machine: which are found, which get a signal, and what becomes of their logs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emp_cli.local import log_file
from emp_cli.local.detached import ask_to_stop, refuse_unfit
from emp_cli.local.log_file import LogFile, last_lines, new_lines
from emp_cli.local.roster import WORKER, LocalProcess, Roster, this_process
from emp_core.errors import Conflict, Misconfigured

WAITS = "import time; time.sleep(600)"
LOGS = """
import logging, pathlib, sys
from daemons.logs import configure_logs
from emp_cli.local import log_file
log_file.MAX_BYTES = 1_000
configure_logs("INFO", "console", log_file.LogFile(pathlib.Path(sys.argv[1])).keep_small)
for number in range(100):
    logging.getLogger("test").info("line %d", number)
"""


@pytest.fixture
def roster(tmp_path: Path) -> Roster:
    return Roster(tmp_path, WORKER)


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is none of ours."""
    with subprocess.Popen([sys.executable, "-c", WAITS]) as process:
        yield process
        process.kill()


def dead(**more: Any) -> LocalProcess:
    """A process whose number another one may have by now."""
    return replace(this_process(WORKER, "gpu1:0", **more), pid_began=1.0)


def write(roster: Roster, process: LocalProcess) -> None:
    """Leave an entry behind, as a killed process does."""
    with roster.announced(process):
        left = {path: path.read_text() for path in roster.log_path("any").parent.glob("*.json")}
    for path, text in left.items():
        path.write_text(text)


def test_process_is_found_while_it_is_announced(roster: Roster) -> None:
    assert roster.entries() == []
    process = this_process(WORKER, "gpu1:0")
    with roster.announced(process):
        assert roster.living() == [process]
    assert roster.entries() == []


def test_killed_detached_process_is_listed_until_its_name_starts_again(roster: Roster) -> None:
    killed = dead(log="gpu1:0.log")
    write(roster, killed)
    assert roster.entries() == [killed]
    assert roster.living() == []
    again = replace(this_process(WORKER, "gpu1:0"), started_at=killed.started_at + 1)
    with roster.announced(again):
        assert roster.entries() == [again]


def test_killed_process_of_a_terminal_is_swept(roster: Roster, tmp_path: Path) -> None:
    write(roster, dead())
    assert roster.entries() == []
    assert list((tmp_path / "worker").iterdir()) == []


def test_log_of_a_start_that_was_killed_goes_with_a_later_start(roster: Roster) -> None:
    killed, fresh, running = (roster.begin_log() for _ in range(3))
    for log in (killed, running):
        os.utime(log, (0, 0))
    with subprocess.Popen([sys.executable, "-c", WAITS, "--log-file", str(running)]) as process:
        started = roster.begin_log()
        process.kill()
    assert sorted(roster.logs()) == sorted([fresh, running, started])


def test_process_of_another_machine_is_not_listed(roster: Roster, tmp_path: Path) -> None:
    write(roster, replace(dead(), machine="another"))
    assert roster.entries() == []
    assert len(list((tmp_path / "worker").iterdir())) == 1


def test_process_with_the_number_of_a_dead_one_gets_no_signal(bystander: "subprocess.Popen[bytes]") -> None:
    ask_to_stop(replace(dead(), pid=bystander.pid), now=True)
    assert bystander.poll() is None


def test_damaged_entry_is_named(roster: Roster, tmp_path: Path) -> None:
    write(roster, dead())
    (path,) = (tmp_path / "worker").iterdir()
    path.write_text("{}")
    with pytest.raises(Misconfigured, match="is damaged"):
        roster.entries()


@pytest.mark.parametrize(
    "more", [{"name": "../evil"}, {"name": "\x1b[31m"}, {"pid": "4711"}, {"started_at": "../x"}, {"arguments": [1]}]
)
def test_entry_that_no_process_of_this_name_can_have_written_is_named(
    more: dict[str, Any], roster: Roster, tmp_path: Path
) -> None:
    write(roster, dead(log="gpu1:0.log"))
    (path,) = (tmp_path / "worker").iterdir()
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))
    with pytest.raises(Misconfigured, match="is damaged"):
        roster.entries()


def test_worker_whose_directory_is_gone_is_not_restarted(tmp_path: Path) -> None:
    gone = dead(log="gpu1:0.log")
    refuse_unfit([gone])
    with pytest.raises(Conflict, match=r"worker gpu1:0 was started in .*/gone, which is not there"):
        refuse_unfit([replace(gone, directory=str(tmp_path / "gone"))])


def test_data_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match=r"EMP_DATA_DIR: cannot write to .*/file/worker"):
        Roster(tmp_path / "file", WORKER).begin_log()


def test_log_takes_the_name_of_its_process_and_keeps_the_run_before(roster: Roster) -> None:
    for text in ("first", "second"):
        log = LogFile(roster.begin_log())
        log.path.write_text(text)
        with roster.announced(this_process(WORKER, "gpu1:0"), log):
            (entry,) = roster.entries()
            assert entry.log == str(roster.log_path("gpu1:0"))
    assert roster.log_path("gpu1:0").read_text() == "second"
    assert log_file.earlier(roster.log_path("gpu1:0")).read_text() == "first"


def test_log_of_a_live_process_of_that_name_is_not_taken(roster: Roster) -> None:
    log = LogFile(roster.begin_log())
    with (
        roster.announced(replace(this_process(WORKER, "gpu1:0"), started_at=1)),
        roster.announced(this_process(WORKER, "gpu1:0"), log),
    ):
        assert not roster.log_path("gpu1:0").exists()
        assert roster.entries()[1].log == str(log.path)


def test_log_that_grows_too_long_begins_again_with_no_line_lost(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    with path.open("ab") as stream:
        subprocess.run([sys.executable, "-c", LOGS, str(path)], stderr=stream, check=True)
    lines = [*last_lines(log_file.earlier(path), None)[0], *last_lines(path, None)[0]]
    assert path.stat().st_size <= 1_000
    assert lines[-1].endswith("line 99")
    first = int(lines[0].rpartition(" ")[2])
    assert [line.rpartition(" ")[2] for line in lines] == [str(number) for number in range(first, 100)]


def test_followed_log_that_begins_again_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.write_text("one\ntwo\nhalf")
    lines, position = last_lines(path, 1)
    assert lines == ["two"]
    steps = iter((" a line\n", "", "new\n"))

    def goes_on() -> bool:
        """Writes the next piece; an empty one begins the file again."""
        piece = next(steps, None)
        if piece is not None:
            with path.open("a" if piece else "w") as stream:
                stream.write(piece)
        return piece is not None

    assert list(new_lines(path, position, goes_on)) == ["half a line", "new"]
