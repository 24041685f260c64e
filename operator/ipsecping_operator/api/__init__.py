"""The API ipsecping.dev/v1alpha1: typed models, the one source of CRD, reference and offline validation."""

from .check import IPsecTunnelCheck
from .conditions import ConditionStatus, ConditionType, HealthyReason, ReadyReason, StalledReason
from .names import API_VERSION, GROUP, KIND, PLURAL, VERSION
from .spec import CheckSpec
from .status import CheckStatus
from .validation import FieldError, InvalidModel

__all__ = [
    "API_VERSION",
    "GROUP",
    "KIND",
    "PLURAL",
    "VERSION",
    "CheckSpec",
    "CheckStatus",
    "ConditionStatus",
    "ConditionType",
    "FieldError",
    "HealthyReason",
    "IPsecTunnelCheck",
    "InvalidModel",
    "ReadyReason",
    "StalledReason",
]
