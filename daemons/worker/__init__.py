"""The worker: an agent that pulls jobs and runs them through connectors."""
