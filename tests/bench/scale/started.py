"""The operator of the bench: a process with its default settings and the rights of its service account."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ipsecping_lab.apiserver import ApiServer

from ...api.operator.processes import OperatorProcess, operator_process
from .stand import KEY, OPERATOR, SYSTEM


@asynccontextmanager
async def running_operator(api: ApiServer, workdir: Path, *, profile: bool) -> AsyncIterator[OperatorProcess]:
    """Ready when it begins; `profile` leaves operator.pstats, of its last start, in the directory."""
    # The tests' writes statuses every second.
    flags = ("--status-interval=1m", f"--results-key-secret={SYSTEM}/{KEY}")
    operator = operator_process(api.kubeconfig_of(OPERATOR), workdir, *flags)
    if profile:
        operator.words = ["-m", "cProfile", "-o", str(workdir / "operator.pstats"), *operator.words]
    await asyncio.to_thread(operator.start)
    try:
        yield operator
        if profile and operator.running is not None:
            operator.end()
    finally:
        operator.stop_if_running()
