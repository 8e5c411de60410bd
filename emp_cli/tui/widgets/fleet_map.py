"""The fleet as a map: a cell for each slot, told apart by its sign as well as its colour."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from emp_cli.output.clean import one_line
from emp_cli.tui.text import line
from emp_core.domain.standing import down
from emp_core.domain.worker import Worker, WorkerState

BUSY, IDLE, DOWN = ("█", "$success"), ("·", "$foreground-muted"), ("!", "$text-error")
STATES = {
    WorkerState.DRAINING: ("▒", "$warning"),
    WorkerState.PAUSED: ("=", "$warning"),
    WorkerState.FENCED: ("#", "$error"),
    WorkerState.LOST: ("x", "$error"),
}

LEGEND = (
    ("busy", *BUSY),
    ("idle", *IDLE),
    ("service down", *DOWN),
    *((state.value, *sign) for state, sign in STATES.items()),
)

NAME = 12
"""Characters of a machine's name."""

Sign = tuple[str, str]


class FleetMap(Widget):
    """Draws the slots of workers, machine by machine."""

    DEFAULT_CSS = """
    FleetMap { height: auto; padding: 0 1; }
    """

    fleet: reactive[Sequence[Worker]] = reactive((), layout=True)
    most_lines = reactive(4)
    """Lines that it takes at most."""

    def render(self) -> Content:
        """The map and its legend."""
        width = max(20, self.content_size.width or self.container_size.width)
        blocks = list(_blocks(self.fleet))
        lines = _wrapped(blocks, width)
        if len(lines) > self.most_lines:
            lines = _wrapped([("", signs) for _, signs in blocks], width)
        hidden = sum(len(signs) for _, signs in blocks) - sum(len(signs) for each in lines for _, signs in each)
        rest = lines[self.most_lines :]
        hidden += sum(len(signs) for each in rest for _, signs in each)
        shown = [_drawn(each) for each in lines[: self.most_lines]]
        if hidden:
            shown.append(Content.styled(f"and {hidden:,} more slots", "$foreground-muted"))
        return Content("\n").join([*shown, _legend(self.fleet)])


Block = tuple[str, list[Sign]]


def _blocks(workers: Iterable[Worker]) -> Iterator[Block]:
    """Each machine's name, and the signs of its slots."""
    by_machine = sorted(workers, key=lambda worker: (worker.machine, worker.id))
    for machine, group in groupby(by_machine, key=lambda worker: worker.machine):
        some = list(group)
        yield f"{one_line(machine, NAME)}{_vram(some)} ", [sign for worker in some for sign in signs(worker)]


def _vram(workers: Sequence[Worker]) -> str:
    """` 3-20/24G`: the least and the most memory that a worker has free, and how much it has; or only that."""
    known = [worker.memory for worker in workers if worker.memory.gpus]
    if known:
        free = [f"{memory.free / 1e9:.0f}" for memory in sorted(known, key=lambda memory: memory.free)]
        most = free[-1] if free[0] == free[-1] else f"{free[0]}-{free[-1]}"
        return f" {most}/{max(memory.total for memory in known) / 1e9:.0f}G"
    said = {worker.capabilities.gpu_memory_gb for worker in workers if worker.capabilities.gpu_memory_gb}
    return f" {max(said)}G" if said else ""


def signs(worker: Worker) -> list[Sign]:
    """What each of its slots does."""
    idle = STATES.get(worker.state) or (DOWN if down(worker) else IDLE)
    busy = min(len(worker.active), worker.slots)
    as_busy = STATES.get(worker.state, BUSY)
    return [as_busy] * busy + [idle] * (worker.slots - busy)


def _wrapped(blocks: Sequence[Block], width: int) -> list[list[Block]]:
    """The blocks in lines of this width; one that is wider than a line is broken."""
    lines: list[list[Block]] = [[]]
    used = 0
    for name, cells in blocks:
        left = cells
        while left:
            need = len(name) + len(left)
            if used and used + need > width:
                lines.append([])
                used = 0
            fits = max(1, width - used - len(name))
            lines[-1].append((name, left[:fits]))
            used += len(name) + len(left[:fits]) + (2 if name else 0)
            left, name = left[fits:], ""
    return lines


def _drawn(blocks: Sequence[Block]) -> Content:
    gap = Content("  ") if any(name for name, _ in blocks) else Content("")
    return gap.join([line(name, "$foreground-muted") + (" " if name else "") + _cells(cells) for name, cells in blocks])


def _cells(cells: Sequence[Sign]) -> Content:
    runs = ((sign, len(list(group))) for sign, group in groupby(cells))
    return Content("").join([Content.styled(mark * count, style) for (mark, style), count in runs])


def _legend(workers: Sequence[Worker]) -> Content:
    """The signs that are on the map."""
    shown = {sign for worker in workers for sign in signs(worker)}
    parts = [
        Content.styled(mark, style) + Content.styled(f" {word}", "$foreground-muted")
        for word, mark, style in LEGEND
        if (mark, style) in shown
    ]
    if any(worker.memory.gpus for worker in workers):
        parts.append(Content.styled("3/24G: 3 of 24 GB free", "$foreground-muted"))
    return Content("   ").join(parts)
