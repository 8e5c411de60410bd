"""The page of the docs on the fields of a job, made from the table of fields."""

from emp_core.domain.job_fields import JOB_FIELDS, PACKED, JobField


def job_fields_page() -> str:
    """The text of `docs/job-fields.md`."""
    shown = "\n".join(_row(field) for field in JOB_FIELDS if field.shown)
    asked = "\n".join(_row(field) for field in JOB_FIELDS if not field.shown)
    return f"{_INTRODUCTION}\n{_HEAD}\n{shown}\n\n{_ONLY_ASKED}\n{_HEAD}\n{asked}\n\n{_IN_REDIS}"


def _row(field: JobField) -> str:
    cells = (field.name, field.help, field.form.value, ", ".join(field.set_by), field.option, field.filter)
    code = {0, 4, 5}
    written = (f"`{cell}`" if cell and at in code else cell for at, cell in enumerate((*cells, _place(field))))
    return f"| {' | '.join(written)} |"


def _place(field: JobField) -> str:
    """Where Redis keeps it."""
    if not field.stored:
        return ""
    whole = next((name for name, words in PACKED.items() if field.stored in words), None)
    return f"`{field.stored}` in `{whole}`" if whole else f"`{field.stored}`"


_INTRODUCTION = """\
# The fields of a job

Generated from `emp_core/domain/job_fields.py`.

The names are those of `-o json`, of the REST API and of the attributes of `Job` in Python. In JSON a time is RFC 3339
in UTC; a value that is not known is null, so the keys are always the same. Python has times in ms since 1970.

## What is shown
"""

_HEAD = "| field | what it is | holds | set by | `emp submit` | filter | in the hash |\n|---|---|---|---|---|---|---|"

_ONLY_ASKED = """\
## What is only asked for

A request has these too. Lists do not show them; `emp job show --payload` and `GET /jobs/ID` show the first three.
"""

_IN_REDIS = """\
## In Redis

The last column names the field of the hash `job:ID`. A field that is not set, or has its default, is not stored. Times
and seconds are ms, a list is words, and a field that is true or false is stored only if it is true. `spec`, `times` and
`claim` hold several words, because a field of a hash costs more memory than a word. `service`, `job_type`,
`requirements` and `unworkable` are those of the job's class, `lease_until` is its score in `leases`, and the payload,
or the template with its params, lies in `job.payload:ID`.
"""
