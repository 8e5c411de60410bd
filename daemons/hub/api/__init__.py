"""The hub's paths, one file for each noun. Every one of them is served with `/api` and without."""

from daemons.hub.api import artifacts, audit, health, jobs, orders, stats, workers

ROUTERS = (health.router, jobs.router, orders.router, artifacts.router, workers.router, stats.router, audit.router)
