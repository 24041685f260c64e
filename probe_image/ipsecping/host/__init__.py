"""What this machine says of itself, and what the prober asks of it beside the network."""
