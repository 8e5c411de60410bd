"""The page of the docs on filters (docs/filters.md), made from the table of fields."""

from collections.abc import Iterator

from emp_core.domain.filter.fields import FIELDS
from emp_core.domain.filter.kinds import Words
from emp_core.domain.filter.parsing import MAX_LENGTH, MAX_TERMS, MAX_VALUE, AnyField
from emp_core.domain.filter.tree import COMPARISONS, Operator
from emp_core.domain.filter.worker_fields import WORKER_FIELDS

EXAMPLES = {
    "status:pending,failed customer:acme": "jobs of acme that wait or failed",
    "status:active worker:gpu1* run>30m": "jobs that workers with ids like gpu1:0 have run for over half an hour",
    "unworkable:yes gpu>=24": "jobs that no live worker can run, and that need at least 24 GB of GPU memory",
    "status:failed ended<1h -code:timeout": "jobs that failed in the last hour, but not because they took too long",
    'error:"out of memory" -type:upscale': "jobs that failed so, except upscaling",
    "service:comfyui model:flux* label.batch:42": "ComfyUI jobs of batch 42 that need a flux model",
    "-customer:*": "jobs without a customer",
    "created>=2026-11-30T08:00Z created<2026-11-30T09:00Z": "jobs created within an hour",
    "status:delayed -held:yes due<10m": "delayed jobs that start within ten minutes",
}


def filters_page() -> str:
    """The page."""
    examples = "\n".join(f"| `{text}` | {meaning} |" for text, meaning in EXAMPLES.items())
    of_jobs, of_workers = ("\n".join(map(_row, fields)) for fields in (FIELDS.values(), WORKER_FIELDS.values()))
    limits = (
        f"A filter has at most {MAX_LENGTH:,} characters and {MAX_TERMS} terms, a value at most {MAX_VALUE} characters."
    )
    head = f"{_INTRODUCTION}\n{_EXAMPLES_HEAD}\n{examples}\n\n{_RULES}\n{limits}\n\n{_SEARCH}\n"
    return f"{head}## Fields\n\n{_FIELDS_HEAD}\n{of_jobs}\n\n{_WORKERS}\n{_FIELDS_HEAD}\n{of_workers}\n"


def _row(field: AnyField) -> str:
    words = f": {_words(field)}" if isinstance(field.kind, Words) else ""
    operators = " ".join(f"`{operator}`" for operator in _operators(field))
    return f"| `{field.name}` | {field.help}{words} | {field.kind.takes} | {operators} | `{field.example}` |"


def _operators(field: AnyField) -> Iterator[str]:
    """`:` first, as it is the one that most terms have."""
    given = field.kind.operators
    yield from (operator for operator in (Operator.MATCHES, Operator.EQUALS, Operator.DIFFERS) if operator in given)
    yield from (operator for operator in COMPARISONS if operator in given)


def _words(field: AnyField) -> str:
    return ", ".join(f"`{word}`" for word in field.kind.choices)


_INTRODUCTION = """# Filters

Generated from `emp_core/domain/filter/`.

A filter chooses jobs. It consists of terms with spaces between them, and a job must satisfy all of them. An empty
filter chooses every job. In a shell, put the whole filter in single quotes: `>`, `*` and spaces mean something there.

    emp jobs --where 'status:failed customer:acme ended<1h'

The library (`emp.jobs("status:failed")`), `GET /api/jobs?where=` and orders to many jobs (`POST /api/jobs/cancel` with
`{"where": "status:pending"}`) take the same filters.
"""

_EXAMPLES_HEAD = "| filter | finds |\n|---|---|"

_RULES = r"""## Terms

A term is a field, an operator and a value: `customer:acme`. There are no spaces inside, except in quotes.

- A comma means *or*: `status:pending,failed`. The comparisons `>`, `>=`, `<` and `<=` take one value.
- `-` in front means *not*: `-type:upscale`. A job that has no value at all satisfies such a term too, so `-customer:*`
  finds jobs without a customer. `customer!=acme` is short for `-customer=acme`.
- `*` stands for any text and `?` for any one character: `worker:gpu1*`. Upper and lower case differ.
- Text with spaces or commas stands in double quotes: `error:"out of memory"`. In quotes `*` and `?` stand for
  themselves, `\"` is a quote and `\\` a backslash.
- In `error`, `message` and `gpu_model`, `:` finds a part of the text, in upper or lower case; in `id` it finds the
  beginning. `=` asks for the whole text as it is, in every field, and knows no patterns.
- A field with several values, such as `model`, satisfies a term if one of them does. `model:a model:b` finds jobs that
  need both, `model:a,b` those that need either.
- Durations have units: `45s`, `10m`, `2h`, `3d`, `1h30m`, `0.5s`.
- A time is compared with a time that names its zone, `created>2026-11-30T08:00Z`, or with how long ago it is:
  `ended<1h` finds jobs that ended less than an hour ago. `due` and `deadline` lie ahead: `due<10m` is in less than ten
  minutes.
- `age` and `ended` count as the columns AGE and ENDED of `emp jobs` do: from the submit and from the end.
- Sizes are in GB of 10^9 bytes if they have no unit: `gpu>=24`, `disk>500MB`, `ram>=1TB`.
"""

_SEARCH = """## What is found fast, and in which order

Jobs are found at any depth by `status`, `held`, `unworkable`, `customer`, `service`, `type`, everything that a job
needs of its worker (`gpu`, `model`, `region`, `custom.PATH`, ...), `workflow`, `worker`, a label's value, `created` or
`age`, and by an `id` of which at least four characters are given. A filter needs one such term; the others then look
at the jobs that it finds. Where no term helps, as in `priority>50`, at most 20,000 jobs are looked at: the answer says
so, and `--search-all` goes on.

By `status` alone, running jobs come first, then waiting ones in the order in which they start, then ended ones, the
newest first. By any other term that helps, the last submitted come first. Pages follow this order: a job that matches
all the while is on exactly one of them. One that changes meanwhile may be missed.
"""

_WORKERS = """## Filters of workers

`emp worker pause`, `resume` and `drain` take a filter of workers, in the same language, with fields of its own:

    emp worker drain --where 'machine:gpu1 service:comfyui busy=0'
"""

_FIELDS_HEAD = """| field | what it is | takes | operators | example |
|---|---|---|---|---|"""
