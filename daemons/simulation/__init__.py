"""Simulated services and a simulated fleet: the real agents over fake backends."""
