"""Results on their way in: streams of agents, termination messages of finished pods, and who may report."""
