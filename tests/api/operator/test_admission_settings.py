"""The policies for the operator's account let through all that settings and defaults give, and no more."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ipsecping_operator.compile import InvalidSpec, compile_check
from ipsecping_operator.permission import Permissions
from ipsecping_operator.probe_settings import probe_defaults

from ...unit.operator.permission_strategies import OBJECTS, kinds, wishes
from ..kubectl import Kubectl
from .admission import CHILDREN, POD, POLICY, PROBE, Object, account, changed, checked, key, workloads

MUCH = Permissions(
    priority_classes={"*": ("network", "system-*")},
    tolerations={"*": ("node.kubernetes.io/*", "edge")},
    pod_labels={"*": ("istio.io/*", "app")},
    pod_annotations={"*": ("example.com/*",)},
    secrets={"*": ("tunnel-*",)},
    config_maps={"*": ("database",)},
    host_network=frozenset({"*"}),
    cross_namespace_affinity=frozenset({"*"}),
    cpu={"*": "2"},
    memory={"*": "128Mi"},
)
VALUES = {
    "allowPriorityClasses": MUCH.priority_classes,
    "allowTolerations": MUCH.tolerations,
    "allowPodLabels": MUCH.pod_labels,
    "allowPodAnnotations": MUCH.pod_annotations,
    "allowSecrets": MUCH.secrets,
    "allowConfigMaps": MUCH.config_maps,
    "allowHostNetwork": ["*"],
    "allowCrossNamespaceAffinity": ["*"],
    "maxCPU": {"*": 2},
    "maxMemory": {"*": "128Mi"},
}


def elsewhere(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a namespace that is not the tests'."""
    return {
        name: ["elsewhere"] if isinstance(value, list) else {"elsewhere": value["*"]}
        for name, value in values.items()
    }


signed = st.tuples(kinds, OBJECTS).map(lambda both: {"probes": [both[0] | {"name": "p"}]})
wished = st.one_of(wishes.map(lambda wish: {"placement": wish}), signed)


@pytest.mark.parametrize(
    ("permitted", "values"),
    [(Permissions(), elsewhere(VALUES)), (MUCH, VALUES)],
    ids=["permitted elsewhere", "permitted"],
)
@pytest.mark.long
def test_the_policies_hold_what_the_settings_permit_and_nothing_else(
    kubectl: Kubectl, permitted: Permissions, values: Mapping[str, Any]
) -> None:
    with account(kubectl, values) as operator:

        @given(specs=st.lists(wished, min_size=60, max_size=60))
        @settings(
            max_examples=2,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        def agree(specs: list[Object]) -> None:
            made: dict[str, Object] = {}
            expected = set[str]()
            for index, spec in enumerate(specs):
                try:
                    listed = workloads(spec, name=f"c{index}")
                    check = permitted.limited(compile_check(checked(spec, name=f"c{index}")))
                except InvalidSpec:
                    continue
                names = {key(each): each for each in listed}
                made |= names
                refusal = permitted.refusal(check)
                if refusal is not None and "spec.target" not in refusal and ".url" not in refusal:
                    expected |= names.keys()
            refused = operator.created(made.values())
            needed = {name: said for name, said in refused.items() if POLICY in said and name not in expected}
            assert needed == {}, "the operator makes these"
            let_through = expected - refused.keys()
            assert {name: made[name]["spec"] for name in let_through} == {}

        agree()


REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
DEFAULTS: Object = {
    "nodeSelector": {"pool": "probes"},
    "tolerations": [
        {"key": "dedicated", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 900}
    ],
    "priorityClassName": "system-cluster-critical",
    "resources": {"requests": {"cpu": "2"}, "limits": {"memory": "1Gi"}},
    "labels": {"example.com/owner": "ours", "app.kubernetes.io/part-of": "wan"},
    "annotations": {"example.com/cost": 'it\'s "7"', "linkerd.io/inject": "enabled"},
    "imagePullSecrets": [{"name": "registry"}],
    "affinity": {
        "podAntiAffinity": {
            REQUIRED: [{"labelSelector": {}, "namespaces": ["gateways"], "topologyKey": "zone"}],
            PREFERRED: [
                {"weight": 1, "podAffinityTerm": {"namespaces": ["more-gateways"], "topologyKey": "zone"}}
            ],
        }
    },
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["10.0.0.10"], "options": [{"name": "ndots", "value": "2"}]},
    "securityContext": {"fsGroup": 2000, "seLinuxOptions": {"level": "s0:c1,c2"}},
}


@pytest.mark.parametrize("fixed", [True, False], ids=["fixed-user", "user-of-the-cluster"])
def test_the_policies_let_through_what_all_probe_pods_are_given_and_no_more(
    kubectl: Kubectl, *, fixed: bool
) -> None:
    values = (f"probeDefaults={json.dumps(DEFAULTS)}", f"fixedUser={json.dumps(fixed)}")
    children = replace(CHILDREN, defaults=probe_defaults(json.dumps(DEFAULTS | {"fixedUser": fixed})))
    with account(kubectl, {}, *values) as operator:
        made = workloads({}, children=children)
        assert operator.created(made) == {}
        more = {
            "label": changed(made[0], "spec.template.metadata.labels.app", "web"),
            "of-both": changed(
                changed(made[0], "spec.template.metadata.labels.a", "b"), "metadata.labels.a", "b"
            ),
            "user": changed(made[0], f"{POD}.securityContext.runAsUser", 1),
            "group": changed(made[0], f"{POD}.securityContext.fsGroup", 0),
            "neighbours": changed(
                made[0], f"{POD}.affinity.podAntiAffinity.{REQUIRED}.0.namespaces", ["gateways", "shop"]
            ),
            "dns": changed(made[0], f"{POD}.dnsPolicy", "Default"),
            "server": changed(made[0], f"{POD}.dnsConfig.nameservers", ["203.0.113.1"]),
            "seconds": changed(made[0], f"{POD}.tolerations.0.tolerationSeconds", 901),
            "class": changed(made[0], f"{POD}.priorityClassName", "system-node-critical"),
            "cpu": changed(made[0], f"{PROBE}.resources.requests.cpu", "2100m"),
        }
        for name, each in more.items():
            each["metadata"]["name"] += f"-{name}"
        assert len(operator.created(more.values())) == len(more)
