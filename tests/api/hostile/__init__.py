"""Everybody hostile at once, beside honest checks: `make hostile`."""
