"""The long-running prober: rounds on a stable schedule, a ring of results, and HTTP to hand them out."""
