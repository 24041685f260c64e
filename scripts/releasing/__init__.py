"""The parts of a release, each made from the checkout alone and the same, bit for bit, each time."""
