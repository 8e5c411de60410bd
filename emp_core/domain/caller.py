"""Who asks the queue for something: what the caller may do, whose jobs it sees, and how its orders are signed."""

from dataclasses import dataclass, replace
from enum import StrEnum

from emp_core.domain.job import JobRequest
from emp_core.errors import Forbidden

MAX_WORD = 128


class Role(StrEnum):
    """What a caller may do. Each role may also do what the roles before it may."""

    MONITOR = "monitor"
    """Reads the states of jobs and workers; no payloads, results, logs and files."""

    WORKER = "worker"
    """Also reads what jobs take and make."""

    CLIENT = "client"
    """Also submits jobs, and cancels, retries, holds and moves them."""

    OPERATOR = "operator"
    """Also takes jobs from their workers, deletes jobs, steers workers, sets limits and reads the audit."""


_RANKS = list(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller of an operation of the queue."""

    role: Role
    customer: str | None = None
    """The only customer whose jobs exist for the caller; None: it sees all jobs."""

    actor: str
    """Who it is: `user@host` for a person on a machine of the queue, the name of a token at a hub."""

    request_id: str
    """Names the request among those of its caller."""

    read_only: bool = False
    """It changes nothing, whatever its role allows."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "actor", one_word(self.actor))
        object.__setattr__(self, "request_id", one_word(self.request_id))

    def check_role(self, least: Role, what: str) -> None:
        """Raises `Forbidden` if the caller's role may not do `what`, such as `requeue jobs`."""
        if _RANKS.index(self.role) < _RANKS.index(least):
            where = "; use the emp command on a machine that reaches Redis" if least is Role.OPERATOR else ""
            raise Forbidden(f"a {self.role} may not {what}", hint=f"this needs the role {least}{where}")

    def check_change(self, least: Role, what: str) -> None:
        """The same for what changes something. Raises `Forbidden` if the caller is read-only, too."""
        if self.read_only:
            raise Forbidden(
                f"a read-only command may not {what}", hint="leave out --read-only, and unset EMP_READ_ONLY"
            )
        self.check_role(least, what)

    def check_unscoped(self, what: str) -> None:
        """Raises `Forbidden` if the caller sees one customer's jobs only; `what` shows or changes those of all."""
        if self.customer is not None:
            raise Forbidden(f"customer {self.customer} may not {what}: this concerns the jobs of all customers")

    def sees(self, customer: str | None) -> bool:
        """Whether jobs of a customer, or of none, exist for the caller."""
        return self.customer is None or self.customer == customer

    def own(self, request: JobRequest) -> JobRequest:
        """A request as one of the caller's customer. Raises `Forbidden` if it names another."""
        if self.customer is None or request.customer_id == self.customer:
            return request
        if request.customer_id is not None:
            raise Forbidden(f"customer {self.customer} may not submit jobs of customer {request.customer_id}")
        asked = replace(request.requirements, customer_id=self.customer)
        return replace(request, customer_id=self.customer, requirements=asked)


def one_word(text: str) -> str:
    """A text as one word of an event: spaces and control characters become `_`, and the rest is cut."""
    return "".join(char if char.isprintable() and char != " " else "_" for char in text[:MAX_WORD]) or "-"


def signature(caller: Caller | None) -> str:
    """Role, actor and request id, as an order carries them; empty for what the program does by itself."""
    return f"{caller.role} {caller.actor} {caller.request_id}" if caller else ""


def local_caller(user: str, host: str, request_id: str, *, read_only: bool = False) -> Caller:
    """A person on a machine that reaches Redis: an operator who sees all jobs."""
    return Caller(role=Role.OPERATOR, actor=f"{user}@{host}", request_id=request_id, read_only=read_only)
