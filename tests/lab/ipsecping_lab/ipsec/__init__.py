"""Real IPsec: strongSwan gateways with kernel ESP in one User-mode Linux, two independent paths."""
