"""What a job, a worker and a match are. Pure: no I/O, no clock, no framework.

Start with `job`, then `requirements`, `capabilities` and `matching`; `states` has the table of transitions,
`filter` the language in which people choose jobs.
"""
