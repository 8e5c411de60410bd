"""The beat: a process of its own that keeps a worker's leases while its agent is busy."""
