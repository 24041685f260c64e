"""IPsecPing's prober and reflector: measure loss and round-trip time through the IPsec datapath."""

__version__ = "0.1.0"
