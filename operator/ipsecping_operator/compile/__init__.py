"""From a check's spec to the plan its probers execute: pure, deterministic, no I/O."""

from .compiled import (
    CompiledCheck,
    CompiledPath,
    Cron,
    Interval,
    InvalidSpec,
    Placement,
    TargetSource,
    Thresholds,
)
from .compiler import compile_check, compile_spec
from .cron import fire_times

__all__ = [
    "CompiledCheck",
    "CompiledPath",
    "Cron",
    "Interval",
    "InvalidSpec",
    "Placement",
    "TargetSource",
    "Thresholds",
    "compile_check",
    "compile_spec",
    "fire_times",
]
