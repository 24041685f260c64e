"""What controllers and a kubelet would do, done by hand: the API server under test has neither."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...ports import free_port
from ..api_client import path_of
from ..kubectl import Kubectl
from .agent_pod import AgentPod, listening_on
from .processes import Process, eventually
from .resolver import resolving
from .rounds import message

Object = dict[str, Any]
KEY_SECRET = "results-key"
"""Where the operator under test keeps the key of its tokens."""


@dataclass
class Cluster:
    """One namespace: makes the pods of Deployments and CronJobs, and runs agents for them."""

    kubectl: Kubectl
    workdir: Path
    processes: list[Process] = field(default_factory=list)

    def key_secret(self) -> str:
        """Make the Secret for the key of the operator's tokens; the flag that names it."""
        self.make({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": KEY_SECRET}})
        return f"--results-key-secret={self.kubectl.namespace}/{KEY_SECRET}"

    def check(self, spec: Mapping[str, Any], *, name: str = "hq") -> str:
        """Apply a check; its UID."""
        manifest = {
            "apiVersion": "ipsecping.dev/v1alpha1",
            "kind": "IPsecTunnelCheck",
            "metadata": {"name": name},
            "spec": {**({} if "targetFrom" in spec else {"target": "127.0.0.1"}), **spec},
        }
        return str(self.kubectl.apply(manifest)["metadata"]["uid"])

    def status(self, name: str = "hq") -> Object:
        """The check's status, empty when there is none yet."""
        status: Object = self.kubectl.get("itc", name).get("status", {})
        return status

    def condition(self, kind: str, name: str = "hq") -> Object:
        """A condition of the check, empty when there is none."""
        return condition_of(self.status(name), kind)

    def says(
        self,
        kind: str,
        status: str,
        reason: str,
        *,
        saying: str = "",
        name: str = "hq",
        seconds: float = 60,
    ) -> str:
        """Wait until the condition has this status and reason, and these words in its message; that message.

        What is measured goes on meanwhile: a message that is read after this may be another one.
        """
        found: Object = {}

        def holds() -> bool:
            found.clear()
            found.update(self.condition(kind, name))
            told = (found.get("status"), found.get("reason"))
            return told == (status, reason) and saying in found["message"]

        eventually(holds, what=f"{kind}={status} {reason} {saying}".rstrip(), seconds=seconds)
        return str(found["message"])

    def shows(self, holds: Callable[[Object], object], *, what: str, name: str = "hq") -> Object:
        """Wait for a status of which this holds; that status, all of it of one moment.

        It does not hold of a status that lacks what it looks for.
        """
        found: Object = {}

        def seen() -> object:
            found.clear()
            found.update(self.status(name))
            with suppress(LookupError):
                return holds(found)
            return False

        eventually(seen, what=what)
        return found

    def counts_all_of(self, agent: AgentPod) -> None:
        """Wait until the window of the check's one probe holds all that its agent has sent by now."""
        sent = agent.sent()
        assert sent > 0
        eventually(lambda: self.figures().get("sent", 0) >= sent, what=f"all {sent} packets counted")

    def measured(self, spec: Mapping[str, Any]) -> AgentPod:
        """Apply a check, run its agent and wait until it is healthy."""
        self.check(spec)
        agent = self.run_agent()
        self.says("Healthy", "True", "WithinThresholds")
        return agent

    def figures(self) -> Object:
        """The figures of the check's first probe, empty when there are none yet."""
        probes: list[Object] = self.status().get("probes", [])
        return probes[0] if probes else {}

    def children(self, kind: str) -> list[Object]:
        """All objects of a kind that the operator made in the namespace."""
        found: Object = self.kubectl.get(kind, selector="app.kubernetes.io/managed-by=ipsecping")
        return list(found["items"])

    def one(self, kind: str, **labels: str) -> Object:
        """Wait for the only object of a kind that the operator makes here; labels are `check` and `path`."""
        wanted = {f"ipsecping.dev/{name}": value for name, value in labels.items()}.items()
        found: list[Object] = []

        def alone() -> bool:
            found[:] = [each for each in self.children(kind) if wanted <= each["metadata"]["labels"].items()]
            return len(found) == 1

        eventually(alone, what=f"one {kind} {labels or ''}".rstrip())
        return found[0]

    def make(self, manifest: Object) -> Object:
        """Create an object; as stored."""
        path = path_of(manifest["kind"], self.kubectl.namespace)
        stored: Object = self.kubectl.plain.create(path, manifest)
        return stored

    def endpoints(self, service: str, *addresses: str) -> None:
        """Let a Service have these ready endpoints, as its controller would."""
        endpoints = [{"addresses": [each], "conditions": {"ready": True}} for each in addresses]
        manifest = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": f"{service}-a", "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "endpoints": endpoints,
        }
        self.kubectl.apply(manifest)

    def app_pod(self, name: str, address: str, **labels: str) -> None:
        """A ready pod of somebody's with this address."""
        confined = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        spec = {
            "containers": [{"name": "app", "image": "app:1", "securityContext": confined}],
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        }
        metadata = {"name": name, "labels": labels}
        self.make({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        ready = {"type": "Ready", "status": "True"}
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": [ready]}
        self.set_status("pod", name, status)

    def set_status(self, kind: str, name: str, status: Object) -> None:
        """Write a status as a controller or the kubelet would."""
        path = path_of(kind, self.kubectl.namespace, name)
        self.kubectl.plain.merge(f"{path}/status", {"status": status})

    def pod(self, workload: Object, template: Object, between: tuple[str, str], **spec: Any) -> Object:
        """A pod as the workload's controllers would make it, with the object in between."""
        api_version, kind = between
        name = f"{workload['metadata']['name']}-{uuid.uuid4().hex[:5]}"
        if kind == "Job":
            body = {"template": template, "backoffLimit": 0}
        else:
            body = {"selector": workload["spec"]["selector"], "template": template}
        middle = self.make(
            {
                "apiVersion": api_version,
                "kind": kind,
                "metadata": {
                    "name": name,
                    "labels": template["metadata"]["labels"],
                    "ownerReferences": [owner(workload)],
                },
                "spec": body,
            }
        )
        return self.make(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "labels": template["metadata"]["labels"],
                    "ownerReferences": [owner(middle)],
                },
                "spec": template["spec"] | spec,
            }
        )

    def node_pod(self, daemon_set: Object, node: str, *, template: Object | None = None) -> str:
        """The name of the pod that the DaemonSet's controller would make for a node, and that runs there."""
        template = template or daemon_set["spec"]["template"]
        metadata = {
            "name": f"{daemon_set['metadata']['name']}-{uuid.uuid4().hex[:5]}",
            "labels": template["metadata"]["labels"],
            "ownerReferences": [owner(daemon_set)],
        }
        spec = template["spec"] | {"nodeName": node}
        made = self.make({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        name: str = made["metadata"]["name"]
        self.set_status("pod", name, RUNNING)
        return name

    def not_created(self, kind: str, name: str, why: str) -> None:
        """Tell, as a controller does, that the pod of this object could not be made."""
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        group = {"Job": "batch/v1", "DaemonSet": "apps/v1"}[kind]
        self.make(
            {
                "apiVersion": "events.k8s.io/v1",
                "kind": "Event",
                "metadata": {"name": f"{name}.{uuid.uuid4().hex[:8]}"},
                "eventTime": now,
                "type": "Warning",
                "reason": "FailedCreate",
                "action": "Create",
                "note": f"Error creating: {why}",
                "reportingController": "test",
                "reportingInstance": "test",
                "regarding": {
                    "apiVersion": group,
                    "kind": kind,
                    "name": name,
                    "namespace": self.kubectl.namespace,
                },
            }
        )

    def count_nodes(
        self, daemon_set: str, *, desired: int, available: int, scheduled: int | None = None
    ) -> None:
        """Let the DaemonSet have an agent on so many of its nodes, in its newest generation."""
        generation = self.kubectl.get("daemonset", daemon_set)["metadata"]["generation"]
        counts = {
            "desiredNumberScheduled": desired,
            "currentNumberScheduled": desired if scheduled is None else scheduled,
            "updatedNumberScheduled": desired if scheduled is None else scheduled,
            "numberMisscheduled": 0,
            "numberReady": available,
            "numberAvailable": available,
        }
        self.set_status("daemonset", daemon_set, {"observedGeneration": generation, **counts})

    def run_agent(self, names: Mapping[str, Sequence[str]] | None = None) -> AgentPod:
        """Do what it takes to have the only Deployment here run its agent, on a port of loopback.

        `names`: to the addresses that its resolver tells.
        """
        deployment, plan = self.one("deployment"), self.one("configmap")
        port = free_port()
        pod = self.pod(deployment, listening_on(port, deployment), ("apps/v1", "ReplicaSet"))
        agent = self._launch(pod, plan, port, names)
        self.available(deployment["metadata"]["name"])
        return agent

    def run_node_agent(
        self, daemon_set: Object, node: str, names: Mapping[str, Sequence[str]] | None = None
    ) -> AgentPod:
        """Make the DaemonSet's pod for a node and run its agent; `names` as of `run_agent`."""
        port = free_port()
        name = self.node_pod(daemon_set, node, template=listening_on(port, daemon_set))
        return self._launch(self.kubectl.get("pod", name), self.one("configmap"), port, names)

    def _launch(
        self, pod: Object, plan: Object, port: int, names: Mapping[str, Sequence[str]] | None
    ) -> AgentPod:
        directory = self.workdir / pod["metadata"]["name"]
        directory.mkdir()
        (directory / "plan.json").write_text(plan["data"]["plan.json"])
        process = Process(
            words=["-m", "ipsecping", "agent", str(directory / "plan.json"), "--listen", f"127.0.0.1:{port}"],
            log=directory / "agent.log",
            env={"POD_UID": pod["metadata"]["uid"], **({} if names is None else resolving(names, directory))},
        )
        self.processes.append(process)
        process.launch()
        self.set_status("pod", pod["metadata"]["name"], RUNNING)
        return AgentPod(
            name=pod["metadata"]["name"],
            uid=pod["metadata"]["uid"],
            process=process,
            port=port,
            plan=directory / "plan.json",
        )

    def refresh(self, agent: AgentPod) -> None:
        """Show the agent its plan as it is now, as the kubelet does some time."""
        fresh = agent.plan.with_suffix(".next")
        fresh.write_text(self.one("configmap")["data"]["plan.json"])
        fresh.replace(agent.plan)

    def available(self, deployment: str) -> None:
        """Let the Deployment be available in its newest generation."""
        generation = self.kubectl.get("deployment", deployment)["metadata"]["generation"]
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
        self.set_status("deployment", deployment, {"observedGeneration": generation, **counts})

    def round_pod(self, cron_job: Object) -> str:
        """The name of a new pod of the CronJob."""
        template = cron_job["spec"]["jobTemplate"]["spec"]["template"]
        name: str = self.pod(cron_job, template, ("batch/v1", "Job"))["metadata"]["name"]
        return name

    def run_job(self, job: Object, plan: Object, **round_: Any) -> None:
        """The Job's pod runs one round of the ConfigMap's plan and ends."""
        name = self.start_job(job)
        self.set_status("pod", name, ended(message(plan, **round_)))

    def start_job(self, job: Object) -> str:
        """The name of the pod that the Job's controller would make."""
        template = job["spec"]["template"]
        metadata = {
            "name": f"{job['metadata']['name']}-{uuid.uuid4().hex[:5]}",
            "labels": template["metadata"]["labels"],
            "ownerReferences": [owner(job)],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        name: str = self.make(pod)["metadata"]["name"]
        return name

    def finish_round(self, cron_job: Object, plan: Object, **round_: Any) -> str:
        """A pod of the CronJob runs one round of the ConfigMap's plan (see `rounds.message`) and ends."""
        name = self.round_pod(cron_job)
        self.set_status("pod", name, ended(message(plan, **round_)))
        return name

    def events(self, name: str = "hq") -> list[Object]:
        """The events on a check, oldest first."""
        found: Object = self.kubectl.get("event")
        mine = [each for each in found["items"] if each["regarding"]["name"] == name]
        return sorted(mine, key=lambda each: str(each["eventTime"]))

    def warnings(self) -> list[str]:
        """The reasons of the check's events of type Warning."""
        return [each["reason"] for each in self.events() if each["type"] == "Warning"]

    def annotation(self, pod: str, key: str) -> str | None:
        """What the operator wrote at a pod, None when it did not."""
        found: str | None = self.kubectl.get("pod", pod)["metadata"].get("annotations", {}).get(key)
        return found

    def stop(self) -> None:
        """End all agents."""
        for process in self.processes:
            process.stop_if_running()


def condition_of(status: Object, kind: str) -> Object:
    """A condition of a check's status, empty when there is none."""
    return next((each for each in status.get("conditions", []) if each["type"] == kind), {})


def owner(of: Object) -> Object:
    """A controller's owner reference."""
    return {
        "apiVersion": of["apiVersion"],
        "kind": of["kind"],
        "name": of["metadata"]["name"],
        "uid": of["metadata"]["uid"],
        "controller": True,
    }


RUNNING: Object = {
    "phase": "Running",
    "podIP": "127.0.0.1",
    "podIPs": [{"ip": "127.0.0.1"}],
    "containerStatuses": [
        {
            "name": "probe",
            "image": "probe:1",
            "imageID": "",
            "ready": True,
            "restartCount": 0,
            "state": {"running": {}},
        }
    ],
}


def ended(message: str, *, exit_code: int = 0, reason: str = "Completed") -> Object:
    """Status of a pod whose container has ended."""
    state = {"terminated": {"exitCode": exit_code, "reason": reason, "message": message}}
    container = RUNNING["containerStatuses"][0] | {"ready": False, "state": state}
    return {"phase": "Succeeded" if exit_code == 0 else "Failed", "containerStatuses": [container]}
