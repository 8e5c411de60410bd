"""`emp demo`: the whole of emp at work on one machine, without a GPU, without a Redis, and nothing left behind."""

from typing import Annotated

import typer

from emp_cli.context import session_of
from emp_cli.input.options import flag
from emp_cli.run import run_alone


def demo(
    ctx: typer.Context,
    fast: Annotated[bool, flag("--fast", help="Run half the jobs, in a few seconds.")] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The seed of the random jobs.")] = 0,
) -> None:
    """Run mixed jobs through a queue, a hub and a simulated fleet.

    It needs no GPU and no Redis, and leaves nothing behind.

    Examples:
    emp demo
    emp demo --fast
    """
    from emp_cli.local.demonstration import Demonstration

    session_of(ctx).check_change("run the demo")
    number = run_alone(ctx, Demonstration(fast=fast, seed=seed).run())
    if number:
        raise typer.Exit(128 + number)
