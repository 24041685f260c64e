"""Tell others what becomes of checks, without Prometheus: alerts for Alertmanager, events for a webhook."""
