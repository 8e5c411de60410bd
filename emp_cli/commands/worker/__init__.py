"""`emp worker …`: start a worker on this machine; show and steer any worker.

app.py     the group
start.py   start
local.py   stop, restart, status, logs: what runs on this machine
show.py    show
diff.py    diff
steer.py   pause, resume, drain
"""
