"""The setting of what all probe pods are given, which `run` and `render` share."""

import argparse
from typing import TYPE_CHECKING

from .setting import Setting

if TYPE_CHECKING:
    from ipsecping_operator.api.probe_defaults import ProbeDefaults

NAME = "probeDefaults"
MAX_TEXT = 65_536


def probe_defaults(text: str) -> "ProbeDefaults":
    """`{nodeSelector: {...}, labels: {...}}`, in YAML or JSON; an empty text is no defaults."""
    # Both take a while to import, and most have no defaults.
    from ipsecping_operator.api.probe_defaults import ProbeDefaults

    if not text.strip():
        return ProbeDefaults()
    if len(text) > MAX_TEXT:
        raise argparse.ArgumentTypeError(f"longer than {MAX_TEXT} characters")
    from ipsecping_operator.api.validation import InvalidModel, read
    from ipsecping_operator.bounded_yaml import UnreadableYaml, documents
    from ipsecping_operator.kubectl_yaml import KubectlLoader

    try:
        given, *more = documents(text, KubectlLoader)
    except UnreadableYaml as error:
        raise argparse.ArgumentTypeError(f"neither YAML nor JSON: {error}") from None
    if more or not isinstance(given, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is no object, such as {{labels: {{team: network}}}}")
    try:
        return read(ProbeDefaults, given, path=NAME)
    except InvalidModel as error:
        raise argparse.ArgumentTypeError(str(error)) from None


PROBE_DEFAULTS = Setting(
    "--probe-defaults",
    "what probe pods have unless a check's placement says otherwise, as an object in YAML or JSON: "
    "nodeSelector, tolerations, affinity, priorityClassName, resources, imagePullSecrets, runtimeClassName, "
    "dnsPolicy, dnsConfig, securityContext (runAsUser, runAsGroup, fsGroup, supplementalGroups, "
    "seLinuxOptions); labels and annotations, of all children; fixedUser: false leaves runAsUser and "
    "runAsGroup out, for clusters that choose them (OpenShift)",
    "OBJECT",
    default="",
    read=probe_defaults,
)
