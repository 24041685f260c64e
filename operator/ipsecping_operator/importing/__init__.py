"""Checks from the configurations of other programs: SmokePing and blackbox_exporter. Pure."""
