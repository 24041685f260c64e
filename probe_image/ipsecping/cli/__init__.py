"""The command line: `ipsecping ping`, `mtu`, `trace`, `ike`, `run`, `agent` and `reflect`."""
