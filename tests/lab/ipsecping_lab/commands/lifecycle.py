"""lab up, lab down."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from .. import existing
from ..building import binaries
from ..cluster import lifecycle as cluster
from ..host import packages, requirements
from ..host.locks import locked
from ..host.namespaces import make_network, remove_network
from ..ipsec import lifecycle as ipsec
from ..layout import Layout
from ..progress import Progress


@contextmanager
def held(layout: Layout, progress: Progress) -> Iterator[None]:
    """The lab is changed by one run at a time; where there is no lab afterwards, no lock stays either."""

    def waiting() -> None:
        progress.say(f"another run is changing the lab {layout.name}: waiting for it to end")

    with locked(layout.lock, on_wait=waiting, remove=lambda: not layout.state.exists()):
        yield


def up(*, with_cluster: bool, with_ipsec: bool) -> int:
    """Finish whatever is missing of the lab: packages, programs, cluster, gateways."""
    existing.require_own_lab("up")
    requirements.check()
    layout, progress = Layout.from_environment(), Progress()
    wanted = [
        *packages.COMMON,
        *(packages.CLUSTER if with_cluster else ()),
        *(packages.IPSEC if with_ipsec else ()),
    ]
    with held(layout, progress):
        packages.ensure(wanted, progress)
        layout.make()
        make_network(layout.netns)
        parts: list[Callable[[], None]] = []
        if with_cluster:
            parts.append(lambda: _cluster_up(layout, progress))
        if with_ipsec:
            parts.append(lambda: _ipsec_up(layout, progress))
        _together(parts)
    progress.say(
        "the lab is up: `lab status` shows it, `lab kubectl get nodes` asks it, `lab down` removes it"
    )
    return 0


def _cluster_up(layout: Layout, progress: Progress) -> None:
    built = binaries.binaries(binaries.CLUSTER_NAMES, progress=progress)
    cluster.Cluster(layout, built).up(progress)


def _ipsec_up(layout: Layout, progress: Progress) -> None:
    built = binaries.binaries(binaries.GUEST_NAMES, progress=progress)
    ipsec.Gateways(layout, built["xstate_shim.so"]).up(progress)


def _together(parts: list[Callable[[], None]]) -> None:
    """Cluster and gateways know nothing of each other, so they start at the same time."""
    with ThreadPoolExecutor(max_workers=len(parts)) as pool:
        for running in [pool.submit(part) for part in parts]:
            running.result()


def down() -> int:
    """Remove all of the lab, whatever state it is in; only the cache stays."""
    existing.require_own_lab("down")
    requirements.check()
    layout, progress = Layout.from_environment(), Progress()
    with held(layout, progress):
        if not layout.state.exists() and not layout.netns.exists():
            progress.say("there is no lab to remove")
            return 0
        ipsec.remove(layout, progress)
        cluster.remove(layout, progress)
        with progress.step("remove network namespace and state"):
            remove_network(layout.netns)
            shutil.rmtree(layout.state, ignore_errors=True)
    return 0
