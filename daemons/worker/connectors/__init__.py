"""The connectors that ship with emp, one module a service; `daemons.worker.catalog` finds them and those of others."""
