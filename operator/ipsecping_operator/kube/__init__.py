"""The way to the Kubernetes API: credentials, one small client, and what of its objects is worth keeping."""
