"""What the watches show of checks, their children and pods: what is kept of it, and whose it is."""
