"""The hops of a path, found by packets whose TTL ends on the way: without privileges, all TTLs in flight."""
