"""The table of all peers."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.peers.measures import MEASURES, Figures, Measure
from benchmarks.peers.peers import PEERS, REFERENCE, Peer

NOTHING = "-"


@dataclass(slots=True)
class Found:
    """What the rounds found."""

    rounds: list[dict[str, Figures]] = field(default_factory=list[dict[str, Figures]])
    """For each round the figures by the names of the peers."""

    zombies: dict[str, str] = field(default_factory=dict[str, str])
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    """Peer -> reason."""


def median(found: Found, name: str, measure: Measure) -> float | None:
    """Of a peer's figures over all rounds."""
    values = [each[name][measure.key] for each in found.rounds if measure.key in each.get(name, {})]
    return statistics.median(values) if values else None


def ratio(found: Found, name: str, measure: Measure) -> float | None:
    """The median of a peer's ratios to BullMQ with priorities, each of one round."""
    key = measure.key
    pairs = [(each.get(name, {}).get(key), each.get(REFERENCE, {}).get(key)) for each in found.rounds]
    values = [mine / theirs for mine, theirs in pairs if mine is not None and theirs]
    return statistics.median(values) if values else None


def as_markdown(found: Found, heading: str, versions: Mapping[str, str]) -> str:
    """The whole page."""
    return "\n".join(
        [
            "<!-- Written by `make bench-peers`; do not edit. -->",
            "# emp beside other job queues",
            "",
            heading,
            "",
            f"Medians of {len(found.rounds)} rounds, each of which ran every peer once. In parentheses: the ratio to "
            f"`{REFERENCE}`, the median of the ratios of each round. The machine's speed varies, so compare ratios.",
            "",
            *_figures(found, versions),
            "",
            "## The bars for emp",
            "",
            *_bars(found),
            "",
            "## A result that comes too late",
            "",
            "Worker A is frozen while it runs a job, whose lease, lock or timeout is 5 s, if the peer has one. "
            "Worker B waits until it gets the job; no other job is submitted. Then A goes on.",
            "",
            *_table(("queue", "what happens"), sorted(found.zombies.items())),
            "",
            "## How each is set up",
            "",
            *_table(("queue", "set-up"), [(peer.name, peer.setup) for peer in PEERS if peer.name in versions]),
            "",
        ]
    )


def _figures(found: Found, versions: Mapping[str, str]) -> list[str]:
    header = ("queue", *(measure.title for measure in MEASURES))
    rows = [(f"{name} {versions[name]}", *_cells(found, name)) for name in versions if name not in found.left_out]
    lines = _table(header, rows)
    return [*lines, *(_row((peer, f"left out: {why}")) for peer, why in found.left_out.items())]


def _cells(found: Found, name: str) -> list[str]:
    return [_cell(median(found, name, measure), ratio(found, name, measure)) for measure in MEASURES]


def _cell(value: float | None, relative: float | None) -> str:
    if value is None:
        return NOTHING
    return _number(value) if relative is None else f"{_number(value)} ({relative:.2f})"


def _bars(found: Found) -> list[str]:
    rows = list[Sequence[str]]()
    for measure in MEASURES:
        if measure.must is not None:
            relative = ratio(found, "emp", measure)
            sign = "≥" if measure.higher else "≤"
            aim = "" if measure.aim is None else f"{sign} {measure.aim}"
            shown = NOTHING if relative is None else f"{relative:.2f}"
            rows.append((measure.title, shown, f"{sign} {measure.must}", aim, measure.verdict(relative)))
    return _table(("", f"ratio to {REFERENCE}", "must", "aim", ""), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_row(header), _row(["---"] * len(header)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def names(chosen: str) -> list[Peer]:
    """The peers of a comma-separated list; all for an empty one. Raises `ValueError`."""
    wanted = [name.strip() for name in chosen.split(",") if name.strip()]
    known = {peer.name: peer for peer in PEERS}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"no peer {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in wanted] or list(PEERS)
