"""Results of one check: which of them count, and the windows they fill. Pure."""
