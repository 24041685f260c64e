"""The command line: `ipsecping ping`, `mtu`, `ike`, `run`, `agent` and `reflect`."""
