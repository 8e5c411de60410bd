"""The connectors that ship with emp, one module a service; `daemons.worker.catalog` finds all connectors."""
