"""What the hub carries: `python -m benchmarks.hub`."""
