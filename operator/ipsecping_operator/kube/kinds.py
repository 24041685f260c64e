"""Kinds of objects, and where the API serves them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One namespaced kind."""

    name: str
    group: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        """As `apiVersion` in objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """Path of a collection (of all namespaces when `namespace` is None) or of one object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part is not None]
        return "/".join(parts)


CONFIG_MAP = Kind("ConfigMap", "", "v1", "configmaps")
POD = Kind("Pod", "", "v1", "pods")
DEPLOYMENT = Kind("Deployment", "apps", "v1", "deployments")
DAEMON_SET = Kind("DaemonSet", "apps", "v1", "daemonsets")
REPLICA_SET = Kind("ReplicaSet", "apps", "v1", "replicasets")
CRON_JOB = Kind("CronJob", "batch", "v1", "cronjobs")
JOB = Kind("Job", "batch", "v1", "jobs")
EVENT = Kind("Event", "events.k8s.io", "v1", "events")
ENDPOINT_SLICE = Kind("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices")
SERVICE = Kind("Service", "", "v1", "services")
SECRET = Kind("Secret", "", "v1", "secrets")
LEASE = Kind("Lease", "coordination.k8s.io", "v1", "leases")
