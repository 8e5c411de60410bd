"""The filter language: `status:pending,failed customer:acme gpu>=24 age>10m -type:upscale`.

`parse` reads a text, `Filter` says which jobs match, `complete` offers what may come next, `render` shows an error
with a caret. One table of fields (`fields`) serves all of them and the docs (docs/filters.md).
"""

from typing import TYPE_CHECKING

from emp_core.errors import FilterError
from emp_core.on_demand import on_demand

if TYPE_CHECKING:
    from emp_core.domain.filter.completing import Completion, LiveValues, complete
    from emp_core.domain.filter.fields import FAMILIES, FIELDS, Field, Index, field_of
    from emp_core.domain.filter.filters import EVERY_JOB, Filter
    from emp_core.domain.filter.mistakes import render
    from emp_core.domain.filter.parsing import MAX_LENGTH, MAX_TERMS, MAX_VALUE, parse, parse_workers
    from emp_core.domain.filter.tree import Duration, Glob, Moment, Number, Operator, Term, Text
    from emp_core.domain.filter.worker_fields import WORKER_FIELDS, WorkerField, WorkerFilter

__all__ = [
    "EVERY_JOB",
    "FAMILIES",
    "FIELDS",
    "MAX_LENGTH",
    "MAX_TERMS",
    "MAX_VALUE",
    "WORKER_FIELDS",
    "Completion",
    "Duration",
    "Field",
    "Filter",
    "FilterError",
    "Glob",
    "Index",
    "LiveValues",
    "Moment",
    "Number",
    "Operator",
    "Term",
    "Text",
    "WorkerField",
    "WorkerFilter",
    "complete",
    "field_of",
    "parse",
    "parse_workers",
    "render",
]

__getattr__ = on_demand(
    __name__,
    {
        "emp_core.domain.filter.completing": "Completion LiveValues complete",
        "emp_core.domain.filter.fields": "FAMILIES FIELDS Field Index field_of",
        "emp_core.domain.filter.filters": "EVERY_JOB Filter",
        "emp_core.domain.filter.mistakes": "render",
        "emp_core.domain.filter.parsing": "MAX_LENGTH MAX_TERMS MAX_VALUE parse parse_workers",
        "emp_core.domain.filter.tree": "Duration Glob Moment Number Operator Term Text",
        "emp_core.domain.filter.worker_fields": "WORKER_FIELDS WorkerField WorkerFilter",
    },
)
