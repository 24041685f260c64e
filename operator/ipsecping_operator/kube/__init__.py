"""The way to the Kubernetes API: credentials, a client that knows nothing of checks, errors as types."""
