"""A real reflector for what the agent measures itself."""

from ..cli.conftest import reflector

__all__ = ["reflector"]
