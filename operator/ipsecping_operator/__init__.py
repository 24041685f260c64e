"""IPsecPing's Kubernetes operator: turns IPsecTunnelCheck resources into probes and results into status."""
