"""Settings of what checks may ask for, which `run` and `render` share."""

import argparse
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from ipsecping.contract.plan import MAX_NETWORKS
from ipsecping.contract.targets import parsed_networks

from .setting import Setting, by_namespace, names, namespace_or_all

if TYPE_CHECKING:
    from ipsecping_operator.permission import Permissions

Names = Mapping[str, tuple[str, ...]]
_PATTERN = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?|([A-Za-z0-9][-A-Za-z0-9_./]*)?[*]")
_LEAST_CPU, _LEAST_MEMORY = "10m", "128Mi"
"""What a pod has by default."""


def networks(text: str) -> Names | None:
    """`network=10.0.0.0/8,2001:db8::/32;*=10.50.0.0/16` as a map; None for an empty text."""
    if not text.strip():
        return None
    found = {namespace: names(listed) for namespace, listed in by_namespace(text, form="CIDR,CIDR").items()}
    for namespace, listed in found.items():
        if len(listed) > MAX_NETWORKS:
            raise argparse.ArgumentTypeError(f"{namespace}: more than {MAX_NETWORKS} networks")
        for network in listed:
            try:
                parsed_networks((network,))
            except ValueError as error:
                raise argparse.ArgumentTypeError(f"{namespace}: {error}") from None
    return MappingProxyType(found)


def patterns(text: str) -> Names:
    """`network=name,beginning*;*=name` as a map."""
    found = {namespace: names(listed) for namespace, listed in by_namespace(text, form="NAME,NAME").items()}
    for namespace, listed in found.items():
        for each in listed:
            if not _PATTERN.fullmatch(each):
                raise argparse.ArgumentTypeError(
                    f"{namespace}: {each!r} is neither a name nor the beginning of names with a * behind it"
                )
    return MappingProxyType(found)


def _quantities(text: str, *, least: str, default: str) -> Mapping[str, str]:
    from ipsecping_operator.api.resources import amount, is_quantity

    found = {"*": default} | by_namespace(text, form="QUANTITY")
    for namespace, quantity in found.items():
        if not is_quantity(quantity):
            raise argparse.ArgumentTypeError(
                f"{namespace}: {quantity!r} is not a quantity, such as 500m, 2, 64Mi or 10M"
            )
        if amount(quantity) < amount(least):
            raise argparse.ArgumentTypeError(f"{namespace}: {quantity} is less than {least}, which is needed")
    return MappingProxyType(found)


def cpu(text: str) -> Mapping[str, str]:
    """`network=2;*=500m` as a map."""
    return _quantities(text, least=_LEAST_CPU, default="1")


def memory(text: str) -> Mapping[str, str]:
    """`network=1Gi;*=256Mi` as a map."""
    return _quantities(text, least=_LEAST_MEMORY, default="512Mi")


def bit_rate(text: str) -> Mapping[str, str]:
    """`network=100M;*=1M` as a map."""
    return _quantities(text, least="1k", default="10M")


def packet_rate(text: str) -> Mapping[str, int]:
    """`network=5000;*=100` as a map."""
    found: dict[str, int] = {"*": 1000}
    for namespace, number in by_namespace(text, form="NUMBER").items():
        if not re.fullmatch("[1-9][0-9]{0,8}", number):
            raise argparse.ArgumentTypeError(f"{namespace}: {number!r} is not a number from 1")
        found[namespace] = int(number)
    return MappingProxyType(found)


def namespaces(text: str) -> frozenset[str]:
    """Namespaces, of which * is all."""
    return frozenset(map(namespace_or_all, names(text)))


_BY_NAMESPACE = (
    "'NAMESPACE=NAME,NAME;*=NAME', where * stands for all namespaces that are not named and a NAME may end "
    "in *"
)

PERMISSIONS = (
    Setting(
        "--allow-host-network",
        "namespaces whose checks may use placement.hostNetwork, separated by commas, * for all; default: "
        "none",
        "NAMES",
        default="",
        read=namespaces,
    ),
    Setting(
        "--allow-every-node",
        "namespaces whose checks may use placement.everyNode, a pod on each node, separated by commas, * "
        "for all, an empty text for none; limits such as packets a second apply to each node",
        "NAMES",
        default="*",
        read=namespaces,
    ),
    Setting(
        "--allow-target-from",
        "namespaces whose checks may have targets looked up by spec.targetFrom, separated by commas, * for "
        "all; default: none. The operator's account then needs the right to list and watch EndpointSlices "
        "there",
        "NAMES",
        default="",
        read=namespaces,
    ),
    Setting(
        "--allow-targets",
        "networks that checks may probe: 'NAMESPACE=CIDR,CIDR;*=CIDR', where * stands for all namespaces "
        "that are not named, and a namespace without networks may probe nothing; default: anything. "
        "Loopback, unspecified, multicast and broadcast addresses, clouds' metadata addresses and the API "
        "server's own are refused unless a network with a prefix at least as long as theirs is among "
        "these, such as 127.0.0.0/8 or 169.254.169.254/32",
        "NETWORKS",
        default="",
        read=networks,
    ),
    Setting(
        "--allow-priority-classes",
        f"priority classes that checks may use: {_BY_NAMESPACE}; default: none. Kubernetes' own need an "
        "entry that begins with system-",
        "NAMES",
        default="",
        read=patterns,
    ),
    Setting(
        "--allow-tolerations",
        "keys of taints that checks may tolerate, with any effect and without a time limit; * alone is "
        f"every taint: {_BY_NAMESPACE}; a namespace without an entry may tolerate keys that are not "
        "Kubernetes' own (kubernetes.io, k8s.io) with effect NoSchedule or PreferNoSchedule. Leaving a "
        "lost node within 300 s is always permitted",
        "KEYS",
        default="",
        read=patterns,
    ),
    Setting(
        "--allow-pod-labels",
        f"keys of labels that checks may set on their pods: {_BY_NAMESPACE}; default: none",
        "KEYS",
        default="",
        read=patterns,
    ),
    Setting(
        "--allow-pod-annotations",
        f"keys of annotations that checks may set on their pods: {_BY_NAMESPACE}; default: none",
        "KEYS",
        default="",
        read=patterns,
    ),
    Setting(
        "--allow-cross-namespace-affinity",
        "namespaces whose checks may be placed by affinity to pods of other namespaces, separated by "
        "commas, * for all; default: none",
        "NAMES",
        default="",
        read=namespaces,
    ),
    Setting(
        "--allow-secrets",
        "Secrets that checks may use, in addition to those whose name begins with ipsecping-: "
        f"{_BY_NAMESPACE}; default: no others",
        "NAMES",
        default="",
        read=patterns,
    ),
    Setting(
        "--allow-config-maps",
        "ConfigMaps whose certificates checks may trust, in addition to those whose name begins with "
        f"ipsecping-: {_BY_NAMESPACE}; default: no others",
        "NAMES",
        default="",
        read=patterns,
    ),
    Setting(
        "--allow-text-keys",
        "namespaces whose checks may sign with text keys, as routers use them, separated by commas, * for "
        "all; in others a key is hex:... or base64:... of at least 32 bytes",
        "NAMES",
        default="",
        read=namespaces,
    ),
    Setting(
        "--max-cpu",
        "processors that a probe pod may request or be limited to: 'NAMESPACE=QUANTITY;*=QUANTITY'",
        "QUANTITIES",
        default="*=1",
        read=cpu,
    ),
    Setting(
        "--max-memory",
        "memory that a probe pod may request or be limited to, in the form of --max-cpu; at least 128Mi",
        "QUANTITIES",
        default="*=512Mi",
        read=memory,
    ),
    Setting(
        "--max-packet-rate",
        "packets that a check may send in its busiest second, all paths and probes together: "
        "'NAMESPACE=NUMBER;*=NUMBER'",
        "NUMBERS",
        default="*=1000",
        read=packet_rate,
    ),
    Setting(
        "--max-bit-rate",
        "bits of IP packets that a check may send in its busiest second, in the form of --max-cpu",
        "QUANTITIES",
        default="*=10M",
        read=bit_rate,
    ),
)


def permissions_of(args: argparse.Namespace) -> "Permissions":
    """What the parsed flags permit."""
    from ipsecping_operator.permission import Permissions

    return Permissions(
        host_network=args.allow_host_network,
        every_node=args.allow_every_node,
        target_from=args.allow_target_from,
        cross_namespace_affinity=args.allow_cross_namespace_affinity,
        text_keys=args.allow_text_keys,
        priority_classes=args.allow_priority_classes,
        tolerations=args.allow_tolerations,
        pod_labels=args.allow_pod_labels,
        pod_annotations=args.allow_pod_annotations,
        secrets=args.allow_secrets,
        config_maps=args.allow_config_maps,
        cpu=args.max_cpu,
        memory=args.max_memory,
        packet_rate=args.max_packet_rate,
        bit_rate=args.max_bit_rate,
        targets=args.allow_targets,
    )
