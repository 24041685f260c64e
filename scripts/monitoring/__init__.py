"""The rules for Prometheus and examples for Alertmanager. `make generate` writes them out.

Nothing that is measured is judged here a second time: alerts go by the finding of each probe, which is judged
by the limits of its own check, so an alert and a status never say two things. Only degradation, flapping and
the state of the operator are worked out here.
"""

from .alertmanager import SERVICES, alertmanager_yaml
from .rules import alert_table, rules_yaml

__all__ = ["SERVICES", "alert_table", "alertmanager_yaml", "rules_yaml"]
