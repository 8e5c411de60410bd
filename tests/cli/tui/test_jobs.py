"""The jobs' screen, by its keys, on a real queue."""

from emp_cli.tui.screens.dialogs import Confirm
from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.cli.tui.conftest import StartDashboard
from tests.support.agents import states
from tests.support.builders import submit
from tests.support.waiting import wait_until


async def test_it_lists_jobs_in_the_order_of_the_queue(store: Store, dashboard: StartDashboard) -> None:
    low, high = await submit(store, priority=20), await submit(store, priority=80)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(low, high, "1-2 of 2")
        assert driver.keys == [high, low]


async def test_a_filter_is_typed_behind_a_slash(store: Store, dashboard: StartDashboard) -> None:
    mine, other = await submit(store, customer_id="acme"), await submit(store, customer_id="globex")
    async with dashboard(screen="jobs") as driver:
        await driver.sees(mine, other)
        await driver.press("slash")
        await driver.type("customer:acme")
        await driver.press("enter")
        await wait_until(lambda: driver.keys == [mine], "one job left")
        await driver.sees("Jobs customer:acme", "1-1 of 1")


async def test_a_mistake_in_a_filter_is_shown_with_a_caret(store: Store, dashboard: StartDashboard) -> None:
    await submit(store)
    async with dashboard(screen="jobs") as driver:
        await driver.press("slash")
        await driver.type("stauts:failed")
        await driver.press("enter")
        text = await driver.sees("^^^^^^", "status")
        assert "stauts:failed" in text
        await driver.press("escape")
        assert "^^^^^^" not in driver.text()


async def test_marked_jobs_are_cancelled_once_it_is_confirmed(store: Store, dashboard: StartDashboard) -> None:
    jobs = [await submit(store) for _ in range(4)]
    async with dashboard(screen="jobs") as driver:
        await driver.sees(*jobs)
        await driver.press("space", "space", "X")
        await driver.sees("cancel 2 jobs: 2 pending?")
        await driver.press("enter")
        assert isinstance(driver.app.screen, Confirm)
        await driver.press("y")
        await driver.sees("2 jobs are cancelled")
    assert await states(store, *jobs) == [JobState.CANCELLED, JobState.CANCELLED, JobState.PENDING, JobState.PENDING]


async def test_an_order_that_is_not_confirmed_is_not_given(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(job)
        await driver.press("X")
        await driver.sees("cancel 1 job: 1 pending?")
        await driver.press("n")
        await driver.sees("nothing was done")
    assert await states(store, job) == [JobState.PENDING]


async def test_all_that_match_are_cancelled_also_those_not_in_memory(store: Store, dashboard: StartDashboard) -> None:
    jobs = [await submit(store, customer_id="acme") for _ in range(130)]
    other = await submit(store, customer_id="globex")
    async with dashboard(wanted="customer:acme") as driver:
        await driver.sees("1-100")
        await driver.press("a", "X")
        await driver.sees("cancel 130 jobs: 130 pending?")
        await driver.press("y")
        await driver.sees("130 jobs are cancelled")
    assert set(await states(store, *jobs)) == {JobState.CANCELLED}
    assert await states(store, other) == [JobState.PENDING]


async def test_a_hold_is_undone(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(job)
        await driver.press("h")
        await driver.sees("1 job is held; z undoes it")
        assert (await store.inspector.job(job)).held
        await driver.press("z")
        await driver.sees("undid the hold of 1 job")
    assert not (await store.inspector.job(job)).held


async def test_a_new_priority_is_asked_for_and_undone(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store, priority=30)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(job)
        await driver.press("plus")
        await driver.sees("new priority, 0 to 100")
        await driver.type("90")
        await driver.press("enter")
        await driver.sees("1 job is at priority 90")
        await driver.press("z")
        await driver.sees("undid the new priority of 1 job")
    assert (await store.inspector.job(job)).priority == 30


async def test_read_only_refuses_orders(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with dashboard(screen="jobs", read_only=True) as driver:
        await driver.sees(job, "read-only")
        await driver.press("X")
        await driver.sees("a read-only command may not")
    assert await states(store, job) == [JobState.PENDING]


async def test_the_cursor_stays_on_its_job_while_others_come(store: Store, dashboard: StartDashboard) -> None:
    jobs = [await submit(store, priority=50) for _ in range(5)]
    async with dashboard(screen="jobs") as driver:
        await driver.sees(*jobs)
        await driver.press("down", "down")
        assert driver.table.cursor_key == jobs[2]
        first = await submit(store, priority=90)
        await driver.sees(first)
        assert driver.keys[0] == first
        assert driver.table.cursor_key == jobs[2]


async def test_y_copies_the_command_and_c_the_id(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store, customer_id="acme")
    async with dashboard(wanted="customer:acme") as driver:
        await driver.sees(job)
        await driver.press("y")
        assert driver.app.clipboard == "emp jobs --where customer:acme"
        await driver.press("c")
        assert driver.app.clipboard == job


async def test_s_sorts_the_jobs_in_memory(store: Store, dashboard: StartDashboard) -> None:
    low, high = await submit(store, priority=20), await submit(store, priority=80)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(low, high)
        await driver.press("s")
        await driver.sees("Sort by", "PRI")
        await driver.press("down", "down", "down", "enter")
        await driver.sees("only the 2 read are sorted by pri")
        await driver.press("s")
        await driver.sees("PRI (now)")
        await driver.press("enter")
        await driver.sees("sorted by -pri")
        assert driver.keys == [low, high]
