"""What the operator's administrator gives to all probe pods: the setting --probe-defaults."""

from typing import Annotated, Literal

from pydantic import Field

from .affinity import Affinity
from .labels import LabelMap, PodAnnotations, PodLabels
from .placement import PullSecret, Toleration
from .resources import Resources, amount, more_than_its_limit
from .rules import ListMap, Model, Rule
from .scalars import ObjectName, is_ip

MAX_ID = 2**31 - 1


class SELinuxOptions(Model):
    """SELinux context, as in a pod spec."""

    level: str | None = None
    role: str | None = None
    type: str | None = None
    user: str | None = None


class PodSecurityContext(Model):
    """The fields of a pod's securityContext that an administrator may choose; the others are fixed."""

    run_as_user: Annotated[int | None, Field(ge=1, le=MAX_ID)] = None
    run_as_group: Annotated[int | None, Field(ge=0, le=MAX_ID)] = None
    fs_group: Annotated[int | None, Field(ge=0, le=MAX_ID)] = None
    supplemental_groups: Annotated[
        tuple[Annotated[int, Field(ge=0, le=MAX_ID)], ...] | None, Field(max_length=16)
    ] = None
    se_linux_options: Annotated[SELinuxOptions | None, Field(alias="seLinuxOptions")] = None


class DNSOption(Model):
    """An option of resolv.conf."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    value: Annotated[str | None, Field(max_length=63)] = None


class DNSConfig(Model):
    """Name servers, search domains and options of resolv.conf, beside the cluster's."""

    nameservers: Annotated[tuple[str, ...] | None, Field(max_length=3)] = None
    searches: Annotated[tuple[str, ...] | None, Field(max_length=32)] = None
    options: Annotated[tuple[DNSOption, ...] | None, Field(max_length=16)] = None

    rules = (
        Rule(
            cel="",
            holds=lambda self: all(map(is_ip, self.nameservers or ())),
            field=".nameservers",
            message="must be IP addresses",
        ),
    )


def _real_limit(name: str) -> Rule:
    def holds(defaults: "ProbeDefaults") -> bool:
        limits = defaults.resources and defaults.resources.limits
        given = getattr(limits, name, None)
        return given is None or amount(given) > 0

    message = "0 is no limit at all: give an amount, or leave it out"
    return Rule(cel="", holds=holds, field=f".resources.limits.{name}", message=message)


def _within_limit(name: str) -> Rule:
    return Rule(
        cel="",
        holds=lambda self: self.resources is None or not more_than_its_limit(self.resources, name),
        field=f".resources.requests.{name}",
        message="must be at most its limit: no pod could be made",
    )


class ProbeDefaults(Model):
    """What probe pods have unless a check's placement says otherwise; labels and annotations of all children.

    A check needs no permission for what comes from here.
    """

    node_selector: LabelMap | None = None
    tolerations: Annotated[tuple[Toleration, ...] | None, Field(max_length=16)] = None
    priority_class_name: ObjectName | None = None
    resources: Resources | None = None
    labels: PodLabels | None = None
    annotations: PodAnnotations | None = None
    image_pull_secrets: Annotated[tuple[PullSecret, ...] | None, Field(max_length=8), ListMap("name")] = None
    runtime_class_name: ObjectName | None = None
    affinity: Affinity | None = None
    dns_policy: Literal["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] | None = None
    dns_config: DNSConfig | None = None
    security_context: PodSecurityContext | None = None
    fixed_user: bool = True
    """False leaves runAsUser and runAsGroup out: the cluster chooses them, as OpenShift does."""

    rules = (
        _real_limit("cpu"),
        _real_limit("memory"),
        _within_limit("cpu"),
        _within_limit("memory"),
        Rule(
            cel="",
            holds=lambda self: (
                self.dns_policy != "None" or bool(self.dns_config and self.dns_config.nameservers)
            ),
            field=".dnsConfig.nameservers",
            reason="FieldValueRequired",
            message="are needed with dnsPolicy None",
        ),
    )
