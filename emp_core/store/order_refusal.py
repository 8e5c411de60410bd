"""Why an order to a job was not carried out."""

from emp_core.errors import Conflict, EmpError, NotFound


def order_refusal(verb: str, job_id: str, answer: str) -> EmpError | None:
    """Why an order to a job was not carried out, from the word that its script answered."""
    if answer == "gone":
        return NotFound("job", job_id)
    hint = "`emp import --from … --take` finishes its move, --undo gives it back" if answer == "moving" else ""
    return None if answer in ("ok", "already") else Conflict(f"cannot {verb} job {job_id}: it is {answer}", hint=hint)
