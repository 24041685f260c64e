"""Results for use without Kubernetes: Prometheus, InfluxDB, structured logs. Pure renderers, thin writers."""
