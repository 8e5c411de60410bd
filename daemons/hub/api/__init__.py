"""The hub's paths, one file for each noun. Every one of them is served with `/api` and without."""

from daemons.hub.api import about, artifacts, audit, bulk, health, jobs, orders, queue, stats, workers

ROUTERS = (
    health.router,
    about.router,
    jobs.router,
    orders.router,
    bulk.router,
    artifacts.router,
    workers.router,
    queue.router,
    stats.router,
    audit.router,
)
