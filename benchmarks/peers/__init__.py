"""`make bench-peers`: emp beside other job queues, in rounds that run them all.

peers.py       the queues that are compared, and how each is set up
measures.py    what is measured, and the bars for emp
environment.py makes an environment for each peer, with pinned versions
driving.py     the half of a driver that all Python drivers share
drivers/       one small program for each peer: submits, works, reads results
requirements/  the pinned versions of each environment
process.py     starts a driver, gives it an order, reads its answers
servers.py     Redis and RabbitMQ, each on a core of its own
rounds.py      runs one peer once
zombie.py      what a peer does with a result that comes too late
report.py      the table
"""
