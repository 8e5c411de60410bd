"""The options of `emp submit`."""

from typing import Annotated, Any

import typer

from emp_cli.input.completing import customers, job_ids, requirements, services, workflows
from emp_cli.input.options import FLAG

WORK, PLACE, WHO, AFTER = "The work", "When and where it runs", "Names", "After the submit"


def _option(names: str, metavar: str, help: str, panel: str, offers: Any = None) -> Any:
    return typer.Option(*names.split(), metavar=metavar, help=help, rich_help_panel=panel, autocompletion=offers)


def _flag(name: str, help: str) -> Any:
    return _option(name, FLAG, help, AFTER)


Text = str | None
Texts = list[str] | None

Source = Annotated[
    Text, typer.Argument(metavar="FILE", help="A file of requests as JSON or JSON lines; - reads stdin.")
]

Service = Annotated[Text, _option("--service", "NAME", "The service that runs it, such as comfyui.", WORK, services)]
JobType = Annotated[
    Text, _option("--type", "NAME", "The type of job, such as txt2img, on any service that supports it.", WORK)
]
Graph = Annotated[
    Text, _option("--graph --workflow", "FILE", "A ComfyUI graph: Workflow > Export (API) in ComfyUI writes it.", WORK)
]
Payload = Annotated[Text, _option("--payload", "FILE", "The request to the service, as JSON.", WORK)]
Template = Annotated[Text, _option("--template", "NAME", "A template; --set gives its parameters.", WORK)]
Settings = Annotated[
    Texts,
    _option(
        "--set",
        "X=Y",
        "Set a value in the payload (of each request of FILE), or node.input=Y in a graph. May be repeated.",
        WORK,
    ),
]
SetNew = Annotated[bool, _option("--set-new", FLAG, "Let --set add values that the payload does not have.", WORK)]
Files = Annotated[
    Texts,
    _option("--file", "X=PATH", "Upload an input file under the name that the graph uses. May be repeated.", WORK),
]

Priority = Annotated[int | None, _option("--priority -p", "N", "0 to 100, higher first.", PLACE)]
Require = Annotated[
    Texts,
    _option(
        "--require",
        "X=Y",
        "What the worker must have: gpu_memory_gb=24, models=a,b … May be repeated.",
        PLACE,
        requirements,
    ),
]
Requirements = Annotated[Text, _option("--requirements", "JSON", "The same as one JSON object.", PLACE)]
RunAt = Annotated[Text, _option("--run-at", "TIME", "Start no earlier than this, such as 2026-01-31T18:00.", PLACE)]
Delay = Annotated[Text, _option("--delay", "TIME", "Start no earlier than this from now, such as 10m.", PLACE)]
Deadline = Annotated[
    Text, _option("--deadline", "TIME", "Fail the job if it has not started by then, such as 1h.", PLACE)
]
DependsOn = Annotated[
    Texts, _option("--depends-on", "ID", "Start only when this job has completed. May be repeated.", PLACE, job_ids)
]
MaxFailures = Annotated[int | None, _option("--max-failures", "N", "Fail the job after this many failed runs.", PLACE)]
JobTimeout = Annotated[Text, _option("--job-timeout", "TIME", "The longest that one run may take, such as 5m.", PLACE)]

Customer = Annotated[Text, _option("--customer", "ID", "The customer who owns the job.", WHO, customers)]
WorkflowId = Annotated[Text, _option("--workflow-id", "ID", "The group of jobs it belongs to.", WHO, workflows)]
Labels = Annotated[
    Texts, _option("--label", "X=Y", "A label to find the job by, such as batch=42. May be repeated.", WHO)
]
JobId = Annotated[Text, _option("--id", "ID", "The job's id; random if omitted.", WHO)]
IdempotencyKey = Annotated[
    Text, _option("--idempotency-key", "KEY", "A second submit with the same key returns the same job.", WHO)
]
Resume = Annotated[
    Text,
    _option("--resume", "BATCH", "Send what is missing of an interrupted batch; needs the same FILE and options.", WHO),
]

Wait = Annotated[bool, _flag("--wait", "Wait until the job ends; the exit code says how it ended.")]
Follow = Annotated[bool, _flag("--follow", "Like --wait, and print what happens.")]
DryRun = Annotated[bool, _flag("--dry-run", "Explain what would happen, and submit nothing.")]
RequireWorker = Annotated[bool, _flag("--require-worker", "Submit only if a live worker can run it; else exit code 3.")]
