"""A one-node Kubernetes whose node is a set of namespaces, shut off from every other network."""
