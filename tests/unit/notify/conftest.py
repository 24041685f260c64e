"""A world in which an operator tells receivers of checks, in virtual time."""

from pathlib import Path

import pytest

from .told_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
