"""The filter behind a kind of jobs."""

from emp_core.domain.filter import FIELDS, Filter, Number, Operator, Term, Text
from emp_core.domain.requirements import Requirements


def jobs_asking(asks: Requirements) -> Filter:
    """Jobs that ask all of this; those that ask for more are found too."""
    terms: list[Term] = []
    for field in FIELDS.values():
        if field.asks is None or "." in field.name:
            continue
        for value in asks.models if field.name == "model" else field.asks(asks):
            wanted = Text(value) if isinstance(value, str) else Number(value)
            operator = Operator.MATCHES if isinstance(value, str) else Operator.EQUALS
            terms.append(Term(field.name, operator, (wanted,)))
    return Filter(tuple(terms))
