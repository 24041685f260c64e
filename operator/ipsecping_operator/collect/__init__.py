"""Gather results: read the streams of agents and the termination messages of finished rounds."""
