"""One level-triggered function per check, and all it needs: queue, children, extra rounds, ports."""
