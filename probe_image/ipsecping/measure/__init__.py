"""Counting: what became of each packet, in which direction it was lost, and a round's figures. No I/O."""
