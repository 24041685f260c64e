"""Targets that are looked up in the cluster: a Service's endpoints, or pods with certain labels."""
