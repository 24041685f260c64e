"""Linux sockets with kernel timestamps, clocks that survive a step, and names within a bounded time."""
