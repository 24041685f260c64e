"""What a check may ask for only where the operator was told to permit it: pure, one kind of thing a module.

Who writes a check is not trusted with more than the namespace's own rights: what the settings do not allow,
no child of the operator has. A setting holds for the namespaces that it names, and `*` for all others.
"""

from .files import not_a_marked_key
from .permissions import Permissions
from .targets import field_of, not_allowed

__all__ = ["Permissions", "field_of", "not_a_marked_key", "not_allowed"]
