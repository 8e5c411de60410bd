"""What is told of orders to many jobs."""

from daemons.hub.api.schemas.base import Answer, Successful


class Refusal(Answer):
    """Why an order to one of the jobs was not carried out."""

    id: str
    status: int
    """As if the order had been for this job alone."""

    code: str
    detail: str


class BulkAnswer(Successful):
    """What an order to many jobs did; `success` is false if some of them were refused."""

    message: str
    """All of it in a line."""

    dry_run: bool
    jobs: list[str]
    """The jobs that this call was for."""

    states: dict[str, int]
    """Their states before: state -> jobs."""

    done: int
    """For how many the order was carried out."""

    refused: list[Refusal]
    notes: list[str]
    """Such as jobs that had ended before they could be cancelled."""

    total: int | None
    """How many jobs the filter chose when the call began; null if only reading them could tell, or if ids chose."""

    more: bool
    """The filter may choose jobs that this call did not reach: the same call with `cursor` goes on."""

    cursor: str | None
    complete: bool
    """False while the queue, which an earlier version wrote, is made ready for filters: jobs may be missing."""
