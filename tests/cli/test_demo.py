"""emp demo: from nothing to nothing."""

import pytest

from tests.cli.conftest import Shell, first_line, interrupt


@pytest.mark.timeout(180)
def test_the_demo_runs_its_jobs_and_says_why_one_waits(shell: Shell) -> None:
    ours = {"EMP_KEY_PREFIX": "{other}:", "LEASE_SECONDS": "3", "ARTIFACTS_URL": "s3://nowhere/emp", "HUB_PORT": "no"}
    shell.environ |= ours  # and none of its business
    said = shell("demo", "--fast")
    assert said.code == 0, said.err
    assert "31 completed, 1 failed, 1 pending, 1 cancelled" in said.out.replace("  ", " ")
    assert "would fit if gpu_memory_gb were 96 (has 80)" in said.out
    assert "nothing is left behind" in said.err


@pytest.mark.timeout(180)
def test_ctrl_c_ends_it_and_stops_what_it_started(shell: Shell) -> None:
    del shell.environ["REDIS_URL"]
    with shell.begin("demo") as process:
        while "jobs:" not in first_line(process.stderr):
            pass
        said = interrupt(process)
    assert said.code == 130
    assert "stopping what was started" in said.err
