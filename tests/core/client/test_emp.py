"""The blocking client: what Ctrl-C and a fork do to it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NoReturn

import pytest

from emp_core import Emp
from emp_core.domain.states import JobState
from emp_core.errors import Conflict
from tests.generated import ROOT
from tests.support.redis_server import Server
from tests.support.waiting import poll_until

WAIT = "emp.wait(job_id)"
FOLLOW = "for change in emp.follow(job_id): pass"

PROGRAM = """
import sys
from emp_core import Emp

try:
    with Emp(sys.argv[1]) as emp:
        job_id = emp.submit({"service": "nobody-has-it"}).id
        try:
            %s
        except KeyboardInterrupt:
            print(emp.job(job_id).state)
            raise
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("call", [WAIT, FOLLOW])
def test_ctrl_c_ends_a_call_and_the_client_can_go_on_or_close(server: Server, tmp_path: Path, call: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM % call, server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        try:
            poll_until(lambda: somebody_reads_on(server), "the call waits for news", timeout=30)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=100)
        finally:
            process.kill()
    assert said == ("pending\ninterrupted\n", "")


def test_a_call_that_ctrl_c_cut_loose_as_it_began_ends_with_the_client(
    surroundings: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = asyncio.run_coroutine_threadsafe

    def start_and_interrupt(call: Coroutine[Any, Any, object], loop: asyncio.AbstractEventLoop) -> NoReturn:
        start(call, loop)
        raise KeyboardInterrupt

    with Emp() as emp:
        job_id = emp.submit({"service": "nobody-has-it"}).id
        with monkeypatch.context() as moment:
            moment.setattr(asyncio, "run_coroutine_threadsafe", start_and_interrupt)
            with pytest.raises(KeyboardInterrupt):
                emp.wait(job_id)
        poll_until(lambda: somebody_reads_on(server), "the call waits for news")
        assert emp.job(job_id).state is JobState.PENDING


def somebody_reads_on(server: Server) -> bool:
    return any(client["cmd"].startswith("xread") for client in server.client.client_list())


def test_in_a_forked_child_every_call_says_what_to_do(surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Emp() as emp:
        following = emp.follow("nobody")
        with monkeypatch.context() as child:
            child.setattr(os, "getpid", lambda: 0)
            for call in (emp.now_ms, lambda: next(following)):
                with pytest.raises(Conflict, match="another process") as told:
                    call()
                assert "Emp()" in told.value.hint
            emp.close()
        assert emp.now_ms() > 0


ENDS = """
import os, sys
from emp_core import Emp

emp = Emp(sys.argv[1])
child = os.fork() if sys.argv[2] == "fork" else 1
if child:
    print(emp.now_ms() > 0, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child > 1 else 0)
else:
    sys.exit(3)
"""


@pytest.mark.parametrize(("how", "said"), [("alone", "True 0\n"), ("fork", "True 3\n")])
def test_program_that_never_closes_its_client_ends_and_so_does_its_child(
    server: Server, tmp_path: Path, how: str, said: str
) -> None:
    program = [sys.executable, "-c", ENDS, server.url, how]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        program, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=100, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, said, "")
