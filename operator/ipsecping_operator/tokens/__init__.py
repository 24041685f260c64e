"""The tokens by which agents know the operator: whoever has none reads no results."""
