"""A small HTTP server that strangers can neither exhaust nor shut, for the prober and the operator."""
