"""What is measured of each peer, and the bars for emp."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure of a peer. Its bars are ratios to BullMQ with priorities in the same round."""

    key: str
    title: str
    higher: bool
    """More is better."""

    must: float | None = None
    aim: float | None = None

    def verdict(self, ratio: float | None) -> str:
        """Which of the bars a ratio reaches."""
        if self.must is None:
            return ""
        if ratio is None:
            return "not measured"
        if self.aim is not None and self._reaches(ratio, self.aim):
            return "met (aim)"
        return "met" if self._reaches(ratio, self.must) else "**missed**"

    def _reaches(self, ratio: float, bar: float) -> bool:
        return ratio >= bar if self.higher else ratio <= bar


MEASURES = (
    Measure(key="one", title="submit one by one, jobs/s", higher=True, must=0.8, aim=1.0),
    Measure(key="fifty", title="submit 50 at a time, jobs/s", higher=True, must=0.5, aim=1.0),
    Measure(key="bulk", title="submit in bulk, jobs/s", higher=True, must=1.0, aim=2.0),
    Measure(key="drain", title="drain, jobs/s", higher=True, must=1.0, aim=1.5),
    Measure(key="p50", title="wake-up p50, ms", higher=False, must=1.2, aim=1.0),
    Measure(key="p99", title="wake-up p99, ms", higher=False, must=1.0),
    Measure(key="server_us", title="server's processor time a life, µs", higher=False, must=1.2, aim=1.0),
    Measure(key="bytes", title="bytes a waiting job", higher=False),
)

Figures = dict[str, float]
"""By the keys of the measures; what a peer has not is left out."""
