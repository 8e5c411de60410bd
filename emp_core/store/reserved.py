"""Which waiting jobs wait in vain because all workers that could run them are reserved for other workflows.

A worker's reservation is no capability, so verdicts do not know of it: a job that only such workers fit counts as
workable.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from emp_core.store.codec import fields_of
from emp_core.store.connection import DAMAGED, Link
from emp_core.store.steps import Steps


def reserved_workers(answer: object) -> Mapping[str, str]:
    """Worker -> the workflow that it is reserved for, from the hash `workers.reserved`."""
    return fields_of(answer) if isinstance(answer, list | dict) else {}


def reserved_steps(
    link: Link, reserved: Mapping[str, str], class_ids: Sequence[str]
) -> Steps[dict[str, frozenset[str]]]:
    """The classes that some live workers fit, all of them reserved -> the workflows that these are reserved for.

    It takes a round trip if any worker is reserved."""
    if not reserved:
        return {}
    counts = ("ZRANGE", link.key("profiles.workers"), 0, -1, "WITHSCORES")
    numbers = [("HGET", link.key(f"worker:{worker}"), "slot") for worker in reserved]
    verdicts = [("GET", link.key(f"class.verdicts:{name}")) for name in class_ids]
    answers = yield [counts, *numbers, *verdicts]
    flat, *read = (None if each is DAMAGED else each for each in answers)
    workers = {int(name): int(float(count)) for name, count in zip(flat[::2], flat[1::2], strict=True)} if flat else {}
    held = [(int(number), name) for number, name in zip(read, reserved.values(), strict=False) if number is not None]
    taken = Counter(number for number, _ in held)
    found: dict[str, frozenset[str]] = {}
    for name, bits in zip(class_ids, read[len(reserved) :], strict=True):
        fitting = [number for number in workers if _fits(bits or b"", number)]
        if fitting and all(workers[number] <= taken[number] for number in fitting):
            found[name] = frozenset(workflow for number, workflow in held if number in fitting)
    return found


def _fits(verdicts: bytes, number: int) -> bool:
    """Two bits for each profile number: judged, fits."""
    at, place = divmod(number, 4)
    return at < len(verdicts) and bool(verdicts[at] >> (6 - 2 * place) & 1)
