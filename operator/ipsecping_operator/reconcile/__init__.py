"""One level-triggered function per check, its queues, and what follows from results."""
