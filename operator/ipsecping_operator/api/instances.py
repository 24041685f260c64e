"""How many instances each probe of a check has at most: from several nodes, to several addresses."""

from collections.abc import Sequence

from ipsecping.contract.bounds import MAX_ADDRESSES

from . import defaults

_ALL_CEL = "has(self.addresses) && self.addresses == 'All'"
MANY_CEL = f"({_ALL_CEL}) || has(self.targetFrom)"
"""CEL: many addresses may be measured, where no paths are given."""
_PATH_OF_MANY_CEL = (
    f"((has(path.addresses) ? path.addresses == 'All' : ({_ALL_CEL}))"
    " || (!has(path.target) && has(self.targetFrom)))"
)
PATHS_OF_MANY_CEL = f"self.paths.filter(path, {_PATH_OF_MANY_CEL}).size()"
"""CEL: of how many of the given paths many addresses may be measured."""
_EVERYWHERE_CEL = "(has(self.placement) && has(self.placement.everyNode) && self.placement.everyNode)"
_PATH_EVERYWHERE_CEL = (
    f"(has(path.placement) && has(path.placement.everyNode) ? path.placement.everyNode : {_EVERYWHERE_CEL})"
)
EVERY_NODE_CEL = (
    f"{_EVERYWHERE_CEL} || "
    "(has(self.paths) && self.paths.exists(path, has(path.placement) && has(path.placement.everyNode)"
    " && path.placement.everyNode))"
)
"""CEL: a pod on each node is asked for, of all paths or of one."""
_A, _N = MAX_ADDRESSES - 1, defaults.NODES - 1
MOST_CEL = (
    # Of each path (1 + a) x (1 + n): a and n are 0, or as many more as it may have addresses and nodes.
    f"has(self.paths) ? self.paths.size() + {_A} * {PATHS_OF_MANY_CEL}"
    f" + {_N} * self.paths.filter(path, {_PATH_EVERYWHERE_CEL}).size()"
    f" + {_A * _N} * self.paths.filter(path, {_PATH_OF_MANY_CEL} && {_PATH_EVERYWHERE_CEL}).size()"
    f" : (({MANY_CEL}) ? {MAX_ADDRESSES} : 1) * ({_EVERYWHERE_CEL} ? {defaults.NODES} : 1)"
)
"""CEL of `most`."""


def most(many: Sequence[bool], everywhere: Sequence[bool]) -> int:
    """Return how many a probe counts as: of each path whether of many addresses, and whether everywhere."""
    paths = zip(many, everywhere, strict=True)
    return sum((MAX_ADDRESSES if a else 1) * (defaults.NODES if n else 1) for a, n in paths)
