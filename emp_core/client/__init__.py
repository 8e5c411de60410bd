"""What programs and the command use: `AsyncEmp`, and `Emp` for programs without an event loop.

async_emp.py   the client
emp.py         the same, blocking
locate.py      where the queue is
changes.py     waiting for jobs and following them
situation.py   reads what an explanation looks at
results.py     results, whose data lies in Redis or in a file
files.py       files that come down, inputs that go up
"""
