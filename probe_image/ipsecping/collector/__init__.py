"""Collects the evidence of a diagnosis: measures one path for at most half a minute, and sends little."""
