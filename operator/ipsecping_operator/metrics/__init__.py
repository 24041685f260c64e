"""Prometheus metrics of the checks and of the operator itself, and the health endpoint."""
