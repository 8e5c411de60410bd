"""`emp job …`: what can be done with a job that is there.

app.py     the group
show.py    show, logs, events, result
wait.py    wait, follow
steer.py   cancel, retry, requeue, hold, unhold, priority
"""
