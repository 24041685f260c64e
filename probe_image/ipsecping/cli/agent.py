"""`ipsecping agent`: rounds for ever, results over HTTP."""

import argparse
import asyncio
import os
from pathlib import Path

from ..contract.fields import ContractError
from ..contract.stream import DEFAULT_PORT
from .arguments import listen_address
from .errors import SUCCESS, CommandError

NAME = "agent"
HELP = "run the rounds of a plan for ever and hand out the results over HTTP"
EPILOG = f"""examples:
  ipsecping agent plan.json
  ipsecping agent plan.json --listen 127.0.0.1:{DEFAULT_PORT} --log-format json
  curl -N localhost:{DEFAULT_PORT}/v1/results    each result as it is measured, one JSON object a line

GET /v1/results?after=CURSOR   results, from the oldest held; CURSOR is BOOT_ID:SEQUENCE as they name it
GET /healthz                   200 while rounds start on time
GET /metrics                   the agent's own health, for Prometheus

A changed plan file is taken over within a second; paths whose plan has not changed go on undisturbed.
SIGTERM ends the agent after the running rounds. {NAME} skips checks without an interval.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("plan", metavar="PLAN.json", type=Path, help="the plan to execute")
    parser.add_argument(
        "--listen",
        metavar="[ADDR]:PORT",
        type=listen_address,
        default=("", DEFAULT_PORT),
        help=f"where to serve HTTP (default: :{DEFAULT_PORT}, all addresses)",
    )


def execute(options: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    host, port = options.listen
    try:
        asyncio.run(_agent(options.plan, host or None, port))
    except ContractError as error:
        raise CommandError(f"agent: {error}") from error
    except OSError as error:
        raise CommandError(f"agent: cannot listen on port {port}: {error.strerror}") from error
    return SUCCESS


async def _agent(plan: Path, host: str | None, port: int) -> None:
    from ..agent.service import run_agent
    from ..net.clocks import Clock
    from ..net.resolve import Resolver
    from ..rounds.prober import PathProber

    clock, resolver = Clock(), Resolver()
    await run_agent(
        plan,
        lambda _: PathProber(clock, resolver),
        host=host,
        port=port,
        pod_uid=os.environ.get("POD_UID"),
    )
