"""From results to a verdict: windows, thresholds, outages. Pure; times are Unix times in nanoseconds."""
