"""The running operator: its parts built and wired, started and stopped; events in, sweeps, the watchdog."""
