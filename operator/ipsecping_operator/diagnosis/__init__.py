"""Have a check diagnosed when it turns unhealthy, and when it is asked for: which layer is broken."""
