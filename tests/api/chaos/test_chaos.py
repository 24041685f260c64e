"""A short run of the state machine; `make chaos` is the long one."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ipsecping_lab.apiserver import api_server

from ..crd import install_crd
from .machine import Chaos
from .model import Tally
from .world import CONTROLLERS, World


@pytest.mark.long
def test_whatever_fails_nothing_is_lost_nothing_untrue_is_said_and_nothing_is_left_behind(
    tmp_path: Path,
) -> None:
    with api_server(tmp_path, controllers=CONTROLLERS) as server:
        install_crd(server)
        with World(server, tmp_path, Tally()) as world:
            Chaos.world = world
            Chaos.after_storm = staticmethod(lambda: None)
            run_state_machine_as_test(
                Chaos,
                settings=settings(
                    max_examples=2,
                    stateful_step_count=8,
                    derandomize=True,
                    database=None,
                    deadline=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                ),
            )
