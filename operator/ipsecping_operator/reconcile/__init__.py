"""One level-triggered function per check, its queues, and what is reported of the check."""
