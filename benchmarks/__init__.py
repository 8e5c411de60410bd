"""How fast the queue is: `python -m benchmarks [names]`. One module a measurement; they report, and never assert."""
