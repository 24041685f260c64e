"""`ipsecping agent`: rounds for ever, results over HTTP."""

import argparse
import asyncio
import os
from pathlib import Path

from ..contract.fields import ContractError
from ..contract.result_stream import DEFAULT_PORT
from .arguments import listen_address
from .errors import SUCCESS, CommandError

POD_UID = "POD_UID"
NAME = "agent"
HELP = "run the rounds of a plan for ever and hand out the results over HTTP"
EPILOG = f"""examples:
  ipsecping agent plan.json
  ipsecping agent plan.json --listen 127.0.0.1:{DEFAULT_PORT} --log-format json
  ipsecping agent plan.json --log-results --log-format json    one JSON line a result, for log collectors
  curl -N localhost:{DEFAULT_PORT}/v1/results    each result as it is measured, one JSON object a line

GET /v1/results?after=CURSOR   results, from the oldest held; CURSOR is BOOT_ID:SEQUENCE as they name it;
                               where the plan has verifiers (SHA-256 digests) only for who shows the token of
                               one of them (Authorization: Bearer TOKEN), otherwise for whoever asks
POST /v1/diagnoses             diagnoses a path (docs/diagnosis.md), for who shows a token of the plan only;
                               GET /v1/diagnoses/REQUEST has the report, .../REQUEST/evidence what it rests on
GET /healthz                   200 while rounds start on time
GET /metrics                   for Prometheus: the agent's own health and what it measures; the health alone
                               where the environment has {POD_UID}, as in agents that the operator runs
                               (it exports their results itself), unless --export-results is given

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
        help=f"where to serve HTTP (default: :{DEFAULT_PORT}, all addresses of both families)",
    )
    parser.add_argument(
        "--health",
        metavar="[ADDR]:PORT",
        type=listen_address,
        help="where to answer /healthz as well, whatever is asked of the other port (default: nowhere)",
    )
    parser.add_argument(
        "--export-results",
        action=argparse.BooleanOptionalAction,
        help=f"show what is measured on /metrics as well (default: yes, unless {POD_UID} is set)",
    )
    parser.add_argument(
        "--log-results", action="store_true", help="log each result, with --log-format json as an object"
    )


def execute(options: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    from ..agent.service import CannotListen

    try:
        asyncio.run(_agent(options))
    except (ContractError, CannotListen) as error:
        raise CommandError(f"agent: {error}") from error
    return SUCCESS


async def _agent(options: argparse.Namespace) -> None:
    from ..agent.service import run_agent
    from ..net.clocks import Clock
    from ..net.resolve import Resolver
    from ..rounds.prober import PathProber

    clock, resolver, pod_uid = Clock(), Resolver(), os.environ.get(POD_UID)
    await run_agent(
        options.plan,
        lambda _: PathProber(clock, resolver),
        listen=options.listen,
        health=options.health,
        pod_uid=pod_uid,
        export_results=pod_uid is None if options.export_results is None else options.export_results,
        log_results=options.log_results,
    )
