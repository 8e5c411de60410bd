"""Waiting jobs from one queue to another: through a file, or live, and from the queues of emp's predecessors."""
