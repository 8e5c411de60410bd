"""An explanation on the screen: the verdict, what is in the way, the smallest remedy, then worker by worker."""

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat

from emp_cli.output import terminal
from emp_cli.output.asked import asked
from emp_cli.output.clean import one_line
from emp_cli.output.columns import labels_of, state_of
from emp_cli.output.formats import write_table
from emp_cli.output.layout import Column
from emp_core.domain.explain import Explanation, Skipped, WorkerExplanation
from emp_core.domain.folding import Kinds, Workers, fold_classes, fold_names, fold_workers
from emp_core.domain.matching import DIMENSIONS
from emp_core.domain.standing import MOST_CLASSES, Tier, WaitingClass
from emp_core.domain.states import WAITING

TIER_STYLES = {Tier.NOW: "green", Tier.NOT_NOW: "yellow", Tier.NEVER: "red"}

FIRST_KINDS = 10
"""Kinds of jobs that are shown of each list."""

BEFORE = "ahead of it, the next first"


def write_explanation(explanation: Explanation) -> None:
    """Write why a job waits."""
    job = explanation.job
    terminal.headline(verdict_of(explanation), style_of(explanation))
    if job.labels:
        terminal.data(f"  labels: {one_line(labels_of(job))}")
    for sentence in sentences(explanation):
        terminal.data(f"  {one_line(sentence)}")
    if job.state in WAITING:
        _write_before(explanation)
        _write_workers(explanation)


def verdict_of(explanation: Explanation) -> str:
    """`job 7f3a is pending, can start: never`."""
    job = explanation.job
    start = f", can start: {explanation.tier.value}" if job.state in WAITING and explanation.tier else ""
    return f"job {job.id} is {state_of(job)}{start}"


def style_of(explanation: Explanation) -> str:
    """The colour of the verdict."""
    return TIER_STYLES[explanation.tier] if explanation.tier else ""


def sentences(explanation: Explanation) -> Iterator[str]:
    """What is in the way, each with the command that helps, then the nearest misses."""
    for reason in explanation.reasons:
        yield reason.text + (f"  ({reason.hint})" if reason.hint else "")
    for near in explanation.nearest:
        yield f"nearest: {near.sentence()}"


def _write_before(explanation: Explanation) -> None:
    kinds = kinds_before(explanation)
    if kinds:
        terminal.data(f"\n{BEFORE}")
        _write_kinds(kinds, KIND_COLUMNS)


def kinds_before(explanation: Explanation) -> list[Kinds]:
    """The kinds of jobs that are ahead of it, the next first."""
    return fold_classes((waiting, "") for waiting in explanation.before)


def _write_workers(explanation: Explanation) -> None:
    groups, columns = workers_of(explanation)
    if groups:
        terminal.data("")
        write_table(groups, columns, explanation.now)


def workers_of(explanation: Explanation) -> tuple[list[Workers], list[Column[Workers]]]:
    """The workers, folded: who can start it soonest, or lacks the least, is in front. The columns that say something
    of them, one for each dimension in which somebody falls short."""
    groups = fold_workers(explanation.standings)
    counts = [COUNT] if len(groups) < len(explanation.standings) else []
    columns = [*counts, *GROUP_COLUMNS, *_dimensions(explanation)]
    return groups, [column for column in columns if any(column.cell(group, explanation.now) for group in groups)]


def _dimensions(explanation: Explanation) -> Iterator[Column[Workers]]:
    for name in DIMENSIONS:
        if any(standing.verdict.by_dimension()[name] for standing in explanation.standings):
            yield Column(name.upper(), _cell_of(name), shrinks=True)


def _cell_of(dimension: str) -> Callable[[Workers, int], str]:
    def cell(group: Workers, now: int) -> str:
        misses = group.first.verdict.by_dimension()[dimension]
        return "; ".join(miss.sentence() for miss in misses) or "ok"

    return cell


def _ahead(group: Workers) -> str:
    if group.ahead is None:
        return ""
    fewest, most = group.ahead
    return f"{fewest if fewest == most else f'{fewest}-{most}'}{'' if group.exact else '+'}"


COUNT: Column[Workers] = Column("COUNT", lambda group, now: str(len(group.ids)), "right")

GROUP_COLUMNS: tuple[Column[Workers], ...] = (
    Column("WORKERS", lambda group, now: fold_names(group.ids), shrinks=True, keeps=16),
    Column("CAN START", lambda group, now: group.first.tier.value, style=lambda group: TIER_STYLES[group.first.tier]),
    Column("AHEAD", lambda group, now: _ahead(group), "right"),
    Column("WHY", lambda group, now: group.first.reason if group.first.verdict.ok else "", shrinks=True),
)

KIND_COLUMNS: tuple[Column[Kinds], ...] = (
    Column("JOBS", lambda kind, now: str(kind.jobs), "right"),
    Column("NEEDS", lambda kind, now: asked(kind.requirements, but=("customer_id",)), shrinks=True),
    Column("CUSTOMERS", lambda kind, now: _some(kind.customers), shrinks=True, optional=True),
)

SKIPPED_COLUMNS: tuple[Column[Kinds], ...] = (
    *KIND_COLUMNS,
    Column("WHY NOT", lambda kind, now: kind.reason, shrinks=True),
)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 3 else ""
    return f"{', '.join(names[: 2 if more else 3])}{more}"


def write_worker_explanation(explanation: WorkerExplanation) -> None:
    """Write what a worker would take, and what it skips."""
    terminal.headline(f"worker {explanation.worker.id}: {explanation.reason}", "")
    if explanation.outage not in explanation.reason:
        terminal.data(f"  {one_line(explanation.outage)}")
    takes, skips = explanation.takes, explanation.skips
    terminal.data(f"  {counts_in_words(explanation)}")
    if not explanation.exact:
        terminal.note(f"more than {MOST_CLASSES} kinds of jobs wait; the first {MOST_CLASSES} of them were looked at")
    if takes:
        terminal.data("\nit takes, the next first")
        _write_kinds(taken(explanation), KIND_COLUMNS)
    if skips:
        terminal.data("\nit skips, the most jobs first")
        _write_kinds(skipped(explanation), SKIPPED_COLUMNS)


def counts_in_words(explanation: WorkerExplanation) -> str:
    """`it can run 3 waiting jobs and skips 1 waiting job`."""
    skips = (each.waiting for each in explanation.skips)
    return f"it can run {_count(explanation.takes)} and skips {_count(skips)}"


def taken(explanation: WorkerExplanation) -> list[Kinds]:
    """The kinds of jobs that a worker takes, the next first."""
    return fold_classes((waiting, "") for waiting in explanation.takes)


def skipped(explanation: WorkerExplanation) -> list[Kinds]:
    """The kinds of jobs that a worker skips, the most jobs first."""
    return sorted(fold_classes((each.waiting, _why(each)) for each in explanation.skips), key=lambda kind: -kind.jobs)


def _why(skipped: Skipped) -> str:
    return "; ".join(miss.sentence() for miss in skipped.verdict.misses)


def _write_kinds(kinds: Sequence[Kinds], columns: Sequence[Column[Kinds]]) -> None:
    some = kinds[:FIRST_KINDS]
    write_table(some, filled(columns, some), 0)
    if len(kinds) > FIRST_KINDS:
        terminal.note(f"showing {FIRST_KINDS} of {len(kinds)} kinds of jobs; -o json shows all")


def filled(columns: Sequence[Column[Kinds]], kinds: Sequence[Kinds]) -> list[Column[Kinds]]:
    """The columns without those that may be left out and are empty."""
    return [each for each in columns if not each.optional or any(map(each.cell, kinds, repeat(0)))]


def _count(classes: Iterator[WaitingClass] | tuple[WaitingClass, ...]) -> str:
    jobs = sum(waiting.jobs for waiting in classes)
    return "1 waiting job" if jobs == 1 else f"{jobs} waiting jobs"
