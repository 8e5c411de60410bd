"""The lists in which a filter's jobs are found: of classes, labels, workflows, workers, and ids that begin alike."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass

from emp_core.domain.filter import Filter, Text, field_of
from emp_core.store.codec import asked_of
from emp_core.store.connection import Link
from emp_core.store.inspector import PREFIX_LENGTH
from emp_core.store.search.queue_order import ANY
from emp_core.store.search.submit_order import Listed

READ_AT_ONCE = 1_000

SMALL = 1_000
"""Jobs of a list among which it is not worth looking for a shorter one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where the jobs are: in lists, or by their ids."""

    lists: Sequence[str] = ()
    ids: Sequence[str] | None = None
    exact: bool = False
    """All jobs in the lists match."""


class Indexes:
    """What is listed for a filter."""

    def __init__(self, link: Link, wanted: Filter) -> None:
        self._link = link
        self._wanted = wanted
        self._of_class = [term for term in wanted.terms if (field := field_of(term.field)) and field.asks]
        self._named = {name: values for name in _fields(wanted) if (values := wanted.exact(name)) is not None}
        self._prefixes = _prefixes(wanted)

    @property
    def serve(self) -> bool:
        """Whether any condition has a list; status does not count."""
        return bool(self._of_class or self._lists_by_name() or self._prefixes or self._unworkable or self._by_worker)

    @property
    def _unworkable(self) -> bool:
        return self._wanted.exact("unworkable") == frozenset({"yes"})

    @property
    def _by_worker(self) -> bool:
        return any(term.field == "worker" and not term.negated for term in self._wanted.terms)

    def _lists_by_name(self) -> list[tuple[str, list[str]]]:
        """Field -> the lists of its values."""
        found: list[tuple[str, list[str]]] = []
        for name, values in self._named.items():
            if name == "workflow":
                found.append((name, [f"workflow.jobs:{value}" for value in sorted(values)]))
            if name.startswith("label."):
                label = name.removeprefix("label.")
                found.append((name, [f"label.jobs:{label}={value}" for value in sorted(values)]))
        return found

    async def smallest(self) -> Found:
        """The lists with the fewest jobs; those of classes, of which there may be many, only if others have many."""
        if self._prefixes:
            return Found(ids=[name async for name in self._ids(self._prefixes)])
        choices = self._lists_by_name()
        if self._by_worker:
            choices.append(("worker", [f"worker.jobs:{name}" for name in await self._workers()]))
        sized = [(await self._size(lists), name, lists) for name, lists in choices]
        size, field, lists = min(sized, default=(None, "", []))
        if size is None or (size > SMALL and (self._of_class or self._unworkable)):
            classes = [f"class.jobs:{name}" for name in await self._classes()]
            if size is None or await self._size(classes) < size:
                others = [term for term in self._wanted.terms if term not in self._of_class]
                return Found(lists=classes, exact=not others)
        return Found(lists=lists, exact=[term.field for term in self._wanted.terms] == [field])

    async def _size(self, lists: Sequence[str]) -> int:
        return await Listed(self._link, lists, frozenset(), ANY).size()

    async def _workers(self) -> list[str]:
        """Those that the filter accepts, of all whose jobs are listed."""
        named = self._wanted.exact("worker")
        if named is None:
            named = frozenset(_texts(await self._link.call("SMEMBERS", self._link.key("workers.named"))))
        return sorted(name for name in named if self._wanted.accepts("worker", name))

    async def _classes(self) -> list[str]:
        """The classes of whose jobs some can match."""
        found: list[str] = []
        names = await self._candidates()
        for start in range(0, len(names), READ_AT_ONCE):
            some = names[start : start + READ_AT_ONCE]
            texts = await self._link.read_many(
                [("HGET", self._link.key(f"class:{name}"), "requirements") for name in some]
            )
            found += [name for name, text in zip(some, texts, strict=True) if self._fits(text)]
        return found

    def _fits(self, text: object) -> bool:
        asked = asked_of(text) if isinstance(text, bytes) else None
        # A damaged class, whose jobs are shown as corrupt, is found by no requirement.
        return self._wanted.fits_class(asked) if asked is not None else False

    async def _candidates(self) -> list[str]:
        customers = self._named.get("customer")
        if self._unworkable:
            return _texts(await self._link.call("SMEMBERS", self._link.key("classes.unworkable")))
        if customers is None:
            return _texts(await self._link.call("ZRANGE", self._link.key("classes"), 0, -1))
        found: list[str] = []
        for name in sorted(customers):
            found += _texts(await self._link.call("SMEMBERS", self._link.key(f"customer.classes:{name}")))
        return found

    async def _ids(self, prefixes: Iterable[str]) -> AsyncGenerator[str, None]:
        for prefix in prefixes:
            bucket, first = self._link.key(f"ids:{prefix[:PREFIX_LENGTH]}"), f"[{prefix}"
            while some := _texts(
                await self._link.call("ZRANGE", bucket, first, f"[{prefix}\xff", "BYLEX", "LIMIT", 0, READ_AT_ONCE)
            ):
                for name in some:
                    yield name
                first = f"({some[-1]}"


def _texts(found: Sequence[bytes]) -> list[str]:
    return [name.decode() for name in found]


def _fields(wanted: Filter) -> list[str]:
    return list(dict.fromkeys(term.field for term in wanted.terms))


def _prefixes(wanted: Filter) -> list[str]:
    """Beginnings of ids, one of which every job that matches has; none if they are too short to be listed by."""
    for term in wanted.terms:
        texts = [value.text for value in term.values if isinstance(value, Text)]
        if term.field == "id" and not term.negated and all(len(text) >= PREFIX_LENGTH for text in texts):
            # Of those that begin alike only the shortest, or a job would be found twice.
            return [
                text
                for text in dict.fromkeys(texts)
                if not any(text != other and text.startswith(other) for other in texts)
            ]
    return []
