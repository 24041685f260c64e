"""One level-triggered function per check, and all it needs: state, queue, children, readiness, assessment."""
