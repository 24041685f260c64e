"""From a check's spec to the plan its probers execute: pure, deterministic, no I/O."""
