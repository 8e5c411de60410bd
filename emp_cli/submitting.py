"""The options of `emp submit`."""

from typing import Annotated, Any

import typer

from emp_cli.options import FLAG

WORK, PLACE, WHO, AFTER = "What it does", "When and where it runs", "Who it is", "Then"


def _option(names: str, metavar: str, help: str, panel: str) -> Any:
    return typer.Option(*names.split(), metavar=metavar, help=help, rich_help_panel=panel)


def _flag(name: str, help: str) -> Any:
    return _option(name, FLAG, help, AFTER)


Text = str | None
Texts = list[str] | None

Source = Annotated[Text, typer.Argument(metavar="FILE", help="Requests as JSON or JSON lines; - is stdin.")]

Service = Annotated[Text, _option("--service", "NAME", "The service that does it, such as comfyui.", WORK)]
JobType = Annotated[
    Text, _option("--type", "NAME", "The kind of job, such as txt2img, whichever service does it.", WORK)
]
Workflow = Annotated[Text, _option("--workflow", "FILE", "A ComfyUI workflow, saved in the API form.", WORK)]
Payload = Annotated[Text, _option("--payload", "FILE", "What the service is sent, as JSON.", WORK)]
Template = Annotated[Text, _option("--template", "NAME", "A template; --set fills it.", WORK)]
Settings = Annotated[
    Texts, _option("--set", "X=Y", "A value in the payload; in a workflow node.input=Y. May be repeated.", WORK)
]
Files = Annotated[Texts, _option("--file", "X=PATH", "An input file, as the workflow names it. May be repeated.", WORK)]

Priority = Annotated[int | None, _option("--priority -p", "N", "0 to 100, higher first.", PLACE)]
Require = Annotated[
    Texts,
    _option("--require", "X=Y", "What its worker must have: gpu_memory_gb=24, models=a,b … May be repeated.", PLACE),
]
Requirements = Annotated[Text, _option("--requirements", "JSON", "The same, as an object.", PLACE)]
RunAt = Annotated[Text, _option("--run-at", "TIME", "Not before then, such as 2026-01-31T18:00.", PLACE)]
Delay = Annotated[Text, _option("--delay", "TIME", "Not before so much time has passed, such as 10m.", PLACE)]
Deadline = Annotated[Text, _option("--deadline", "TIME", "Fail it if it has not started by then, such as 1h.", PLACE)]
DependsOn = Annotated[Texts, _option("--depends-on", "ID", "Only once this job has completed. May be repeated.", PLACE)]
MaxFailures = Annotated[int | None, _option("--max-failures", "N", "How many runs may fail before the job has.", PLACE)]
JobTimeout = Annotated[Text, _option("--job-timeout", "TIME", "How long one run may take, such as 5m.", PLACE)]

Customer = Annotated[Text, _option("--customer", "ID", "Whose job it is.", WHO)]
WorkflowId = Annotated[Text, _option("--workflow-id", "ID", "The group of jobs that it belongs to.", WHO)]
JobId = Annotated[Text, _option("--id", "ID", "Its id; one is drawn where none is given.", WHO)]
IdempotencyKey = Annotated[
    Text, _option("--idempotency-key", "KEY", "Submitted again under the same key it is the same job.", WHO)
]

Wait = Annotated[bool, _flag("--wait", "Stay until it has ended; the exit code says how.")]
Follow = Annotated[bool, _flag("--follow", "The same, telling what happens meanwhile.")]
DryRun = Annotated[bool, _flag("--dry-run", "Only say what would become of it; submit nothing.")]
RequireWorker = Annotated[bool, _flag("--require-worker", "Only if a live worker can do it, else exit code 3.")]
