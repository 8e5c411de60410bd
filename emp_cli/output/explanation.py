"""An explanation on the screen: the verdict, what is in the way, the smallest remedy, then worker by worker."""

from collections.abc import Callable, Collection, Iterator

from emp_cli.output import terminal
from emp_cli.output.clean import one_line
from emp_cli.output.columns import STANDING_COLUMNS, TIER_STYLES, labels_of, state_of
from emp_cli.output.formats import table, write_table
from emp_cli.output.layout import Column
from emp_core.domain.explain import Explanation, Reason, Skipped, WorkerExplanation
from emp_core.domain.matching import DIMENSIONS
from emp_core.domain.requirements import Requirements
from emp_core.domain.standing import MOST_CLASSES, Standing, WaitingClass
from emp_core.domain.states import WAITING

FIRST_CLASSES = 10
"""Classes that are shown of those that a worker takes."""


def write_explanation(explanation: Explanation) -> None:
    """Write why a job waits."""
    job = explanation.job
    waits = job.state in WAITING
    start = f", can start: {explanation.tier.value}" if waits and explanation.tier else ""
    terminal.headline(f"job {job.id} is {state_of(job)}{start}", _style(explanation))
    if job.labels:
        terminal.data(f"  labels: {one_line(labels_of(job))}")
    for reason in explanation.reasons:
        terminal.data(_sentence(reason))
    for near in explanation.nearest:
        terminal.data(f"  nearest: {one_line(near.sentence())}")
    if explanation.standings and waits:
        terminal.data("")
        columns = (*_shown(explanation), *_dimensions(explanation))
        write_table(table(explanation.standings, columns, explanation.now))


def _style(explanation: Explanation) -> str:
    return TIER_STYLES[explanation.tier] if explanation.tier else ""


def _sentence(reason: Reason) -> str:
    hint = f"  ({reason.hint})" if reason.hint else ""
    return f"  {one_line(reason.text)}{hint}"


def _shown(explanation: Explanation) -> Iterator[Column[Standing]]:
    """The columns that say something of at least one worker."""
    for column in STANDING_COLUMNS:
        if any(column.cell(standing, explanation.now) for standing in explanation.standings):
            yield column


def _dimensions(explanation: Explanation) -> Iterator[Column[Standing]]:
    """A column for each dimension in which somebody falls short."""
    for name in DIMENSIONS:
        if any(standing.verdict.by_dimension()[name] for standing in explanation.standings):
            yield Column(name.upper(), _cell_of(name), shrinks=True)


def _cell_of(dimension: str) -> Callable[[Standing, int], str]:
    def cell(standing: Standing, now: int) -> str:
        misses = standing.verdict.by_dimension()[dimension]
        return "; ".join(miss.sentence() for miss in misses) or "ok"

    return cell


CLASS_COLUMNS: tuple[Column[WaitingClass], ...] = (
    Column("JOBS", lambda waiting, now: str(waiting.jobs), "right"),
    Column("NEEDS", lambda waiting, now: asked(waiting.requirements), shrinks=True),
)

SKIPPED_COLUMNS: tuple[Column[Skipped], ...] = (
    Column("JOBS", lambda skipped, now: str(skipped.waiting.jobs), "right"),
    Column("NEEDS", lambda skipped, now: asked(skipped.waiting.requirements), shrinks=True),
    Column("WHY NOT", lambda skipped, now: "; ".join(miss.sentence() for miss in skipped.verdict.misses), shrinks=True),
)


def write_worker_explanation(explanation: WorkerExplanation) -> None:
    """Write what a worker would take, and what it skips."""
    terminal.headline(f"worker {explanation.worker.id}: {explanation.reason}", "")
    if explanation.outage not in explanation.reason:
        terminal.data(f"  {one_line(explanation.outage)}")
    takes, skips = explanation.takes, explanation.skips
    terminal.data(f"  it can run {_count(takes)} and skips {_count(each.waiting for each in skips)}")
    if not explanation.exact:
        terminal.note(f"more than {MOST_CLASSES} kinds of jobs wait; the first {MOST_CLASSES} of them were looked at")
    if takes:
        terminal.data("\nit takes, the next first")
        write_table(table(takes[:FIRST_CLASSES], CLASS_COLUMNS, 0))
        if len(takes) > FIRST_CLASSES:
            terminal.note(f"showing {FIRST_CLASSES} of {len(takes)} kinds of jobs; -o json shows all")
    if skips:
        terminal.data("\nit skips")
        write_table(table(skips, SKIPPED_COLUMNS, 0))


def _count(classes: Iterator[WaitingClass] | tuple[WaitingClass, ...]) -> str:
    jobs = sum(waiting.jobs for waiting in classes)
    return "1 waiting job" if jobs == 1 else f"{jobs} waiting jobs"


def asked(requirements: Requirements, *, but: Collection[str] = ()) -> str:
    """What a job asks, on one line: `comfyui, gpu_memory_gb 24, customer_id acme`."""
    return ", ".join(_words(name, value) for name, value in requirements.to_json().items() if name not in but)


def _words(name: str, value: object) -> str:
    if isinstance(value, tuple | list):
        text = " or ".join(map(str, value)) if name == "services" else " ".join(map(str, value))
    elif isinstance(value, dict):
        text = " ".join(f"{path}={each}" for path, each in value.items())
    else:
        text = str(value)
    return text if name == "services" else f"{name} {text}"
