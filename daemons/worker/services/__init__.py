"""What a worker can do: its connectors, its capabilities, and which services are up."""
