"""What the operator holds in memory about one check."""
