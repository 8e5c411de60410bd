"""What programs and the command use: `AsyncEmp`, and `Emp` for programs without an event loop.

async_emp.py   the client: a queue with what programs like to have besides
emp.py         the same, blocking
queue.py       what can be asked of a queue, as a protocol
redis_queue.py the queue over Redis and a file store
file_store.py  its file store, opened when it is first needed
submitting.py  stores jobs, and their large payloads as files
patience.py    a bound on the time of several calls
locate.py      where the queue is
client_settings.py what variables say of it; client_model.py describes them
this_process.py the caller that a person's program is
doctor/        checks of Redis, the queue, the hubs and the workers
changes.py     waiting for jobs and following them
groups.py      reads what waits by class, model or customer
orders.py      orders to many jobs: what each changes, and what came of it
situation.py   reads what an explanation looks at
results.py     results, whose data lies in Redis or in a file
files.py       files that come down, inputs that go up
"""
