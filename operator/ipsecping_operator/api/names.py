"""How Kubernetes names our resource: the constants every client of the API needs."""

GROUP = "ipsecping.dev"
VERSION = "v1alpha1"
RUN_NOW_ANNOTATION = f"{GROUP}/run-now"
"""On a check: each new value asks for one extra round."""
DIAGNOSE_ANNOTATION = f"{GROUP}/diagnose"
"""On a check: each new value asks for one diagnosis."""
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "IPsecTunnelCheck"
PLURAL = "ipsectunnelchecks"
SINGULAR = "ipsectunnelcheck"
SHORT_NAME = "itc"
CATEGORY = "ipsecping"
UNOBSERVED = {"observedGeneration": -1}
"""The status that the API server gives to a new check.

Tools that follow kstatus take an object without a status for finished; with this they wait for ours.
"""
MOUNTABLE_PREFIX = "ipsecping-"
"""Secrets and ConfigMaps whose names begin so say themselves that they are for probes: any check of their
namespace may have them mounted."""
