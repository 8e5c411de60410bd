"""The table of the fields of each kind of JSON object, from which `docs/json.md` is made; `views` writes the objects.

A job's fields have a table of their own, `job_fields`.
"""

from collections.abc import Mapping

from emp_core.domain.job_fields import JOB_FIELDS

SCHEMA_VERSION = 1
"""Rises when a field is renamed, removed, or means something else; new fields do not raise it."""

Fields = Mapping[str, str]
"""Name -> what it is."""

JOB: Fields = {field.name: field.help for field in JOB_FIELDS if field.shown}

WORKER: Fields = {
    "id": "the worker's id",
    "state": "`ready`, `paused`, `draining`, `fenced`, `lost` or `stopped`",
    "reason": "why an operator or the queue stopped it; empty if nobody did",
    "machine": "the host that it runs on",
    "slots": "how many jobs it runs at once",
    "active": "the ids of the jobs that it runs",
    "services": "service -> `up`, `down` or `busy`",
    "outages": "service that is down -> `why`, and `since` when",
    "gpu_memory": "`total` and `free` bytes of each of its GPUs; empty if nothing tells",
    "loaded_models": "service -> the models that it says are loaded; a service that does not tell is left out",
    "capabilities": "what it offers to jobs",
    "started_at": "when it started",
    "beat_at": "when it last told the queue that it lives",
    "last_failure": "`at`, `job` and `code` of the last failure that counted against it; null if there was none",
    "info": "what else it tells of itself: version, host, process id, workflow; the services' `versions`, "
    "those that listed their models (`probed`), and the capabilities that it `found` on its machine",
}

LOCAL_WORKER: Fields = {
    "id": "the worker's id",
    "state": "as in `emp workers`; `running` if the queue does not know it, `died` if it ended without a word",
    "pid": "the number of its process",
    "started_at": "when it was ready",
    "jobs": "the ids of the jobs that it runs; null if the queue does not know it",
    "log": "the file of its log; null if it was not started with `--detach`",
    "arguments": "what `emp worker restart` types behind `emp`",
    "directory": "the directory in which it was started",
}

EVENT: Fields = {
    "at": "when it happened",
    "cursor": "its place in the stream of events",
    "name": "what happened, such as `claimed`; docs/states.md lists them",
    "job": "the job's id; empty for events of workers",
    "gen": "how often an operator had the job run anew",
    "version": "rises by one with each event of the job",
    "state": "the job's or the worker's state afterwards",
    "worker": "the worker's id",
    "attempt": "the number of the attempt; 0 before the first",
    "code": "why it happened",
    "customer_id": "the customer who owns the job",
    "actor": "who gave the order that caused it; empty if nobody did",
    "request": "the id of the request with that order",
}

ORDER: Fields = {
    "at": "when it was given",
    "cursor": "its place in the audit; `--before` takes it",
    "verb": "such as `cancel`, `retry`, `hold`, `priority`, `delete`, `pause`, `drain`, `limit`",
    "kind": "what it was given for: `job`, `workflow`, `worker` or `limit`",
    "subject": "the id of that",
    "before": "the state before; for `priority` and `limit` the number",
    "after": "the state afterwards, or the number",
    "result": "`done`, `unchanged`, or `refused`",
    "customer_id": "the customer who owns the job",
    "role": "the role of who gave it",
    "actor": "who gave it: `user@host`, or a token's name",
    "request": "the id of the request",
    "reason": "the reason that was given",
}

ARTIFACT: Fields = {
    "id": "the file's id: `JOB/ATTEMPT/NUMBER`",
    "name": "the name that the service gave it, with its folders",
    "size": "bytes",
    "sha256": "the digest of its contents",
    "media_type": "such as `image/png`",
    "kind": "`output`, `temp` or `input`",
}

SUMMARY: Fields = {
    "at": "when it was read",
    "jobs": "state -> jobs",
    "workers": "state -> workers",
    "slots": "how many jobs the live workers can run at once",
    "busy_slots": "how many they run",
    "classes_waiting": "how many kinds of jobs wait",
    "unworkable_jobs": "how many waiting jobs no live worker can run",
    "unworkable_exact": "false: so many kinds of jobs are unworkable that not all jobs were counted",
    "held": "how many of the delayed jobs an operator holds",
    "services": "service -> live workers that have it up",
    "memory": "how full Redis is: `used` and `limit` in bytes, and how many jobs fill it",
    "oldest_pending_exact": "false: there may be an older pending job",
    "oldest_pending_seconds": "how long the oldest pending job waits; null if none does",
    "waiting": "the 5 kinds of pending jobs that wait longest: `requirements` without the customer, `jobs`, "
    "`oldest_seconds`, and the `workers` that could run them with their `slots`, of which `free` would start a job now",
    "never": "the 5 most frequent kinds of pending jobs that no live worker can run: `requirements`, `jobs`, "
    "`oldest_seconds`, and `why`",
    "kinds_exact": "false: more kinds of jobs wait than were read, so `waiting` and `never` are minimums",
    "flow": "the last 5 minutes: `in_per_minute`, `out_per_minute`, `in_change` and `out_change` against the 5 minutes "
    "before, `wait_p50_seconds` and `wait_p95_seconds` until the first start; null if nothing was counted yet",
    "failures_last_hour": "code -> jobs that failed for good in the last hour; null if nothing was counted yet",
    "queue": "what the command is connected to, and what a restart of Redis would lose",
}

EXPLANATION: Fields = {
    "job": "the job's id",
    "state": "the job's state; null if its record is damaged",
    "tier": "`now`, `not now`, `never`; null if the job has ended",
    "reasons": "what is in the way, the decisive one first: `code` (stable), `text`, `hint` (a command)",
    "ahead": "how many jobs are taken before it; null if it is in no line",
    "ahead_exact": "false: there may be more",
    "labels": "the job's labels",
    "before": "the jobs ahead by kind, the next first: `class`, `jobs`, `first`, `requirements`",
    "nearest": "the smallest changes after which a worker could run it: `worker`, `change`, `capabilities`",
    "groups": "workers that are alike: `tier`, `reason`, `workers`",
    "workers": "worker by worker: `tier`, `reason`, `ahead`, and what is missing by dimension",
}

WORKER_EXPLANATION: Fields = {
    "worker": "the worker's id",
    "state": "the worker's state",
    "reason": "whether it takes jobs, and why not",
    "outage": "which of its services are down, and why",
    "takes": "kinds of waiting jobs that it can run, the next first: `class`, `jobs`, `first`, `requirements`",
    "skips": "kinds that it cannot run; `misses` says what is missing",
    "exact": "false: more kinds wait than were looked at",
}

CHECK: Fields = {
    "name": "what was looked at, such as `memory`; a service, a hub and a clock have a check each",
    "state": "`ok`, `warn` or `fail`",
    "found": "what was found, in words",
    "fix": "the command that mends it, or what to do; empty if it is ok",
}

CONTEXT: Fields = {
    "name": "the context's name",
    "current": "whether it is used if nothing else names a queue",
    "redis": "the URL of its Redis, without the password",
    "hub": "the URL of its hub; empty if it has none",
    "token": "`***` if it has a token",
    "key_prefix": "the prefix of its keys; empty: the usual one",
    "artifacts": "the URL of its file store; empty if it has none",
}

LIBRARY: Fields = {
    "library": "its name, which is a hash of its text",
    "functions": "how many functions it has",
    "current": "whether it is that of this version of emp",
}

SETTING: Fields = {
    "program": "`command`, `hub`, `worker`, or the connector that reads it",
    "name": "the variable",
    "value": "what the program reads; `***` for a secret, empty if it is not set",
    "origin": "`default`, or where the value stands, such as `.env.hub, line 3`",
}

MISTAKE: Fields = {
    "place": "such as `.env.hub, line 3`; empty if it is in no file",
    "name": "the variable; empty if it is about several",
    "problem": "what is wrong with it",
    "shown": "its value; empty if it is the name that is wrong, `***` for a secret",
}
