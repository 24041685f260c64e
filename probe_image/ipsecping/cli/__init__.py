"""The command line: `ipsecping ping`, `run`, `agent` and `reflect`."""
