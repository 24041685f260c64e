"""Packet formats: octets in, values out, and back. No I/O, no clock."""
