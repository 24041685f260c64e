"""One structured log line for each result, for Fluent Bit, Logstash and the like."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from .figures import Measured, fields

log = logging.getLogger("ipsecping.results")
MESSAGE = "result"


def log_result(measured: Measured) -> None:
    """Log a result: labels and figures become fields of the line."""
    started = datetime.fromtimestamp(measured.result.started_at / 1e9, UTC)
    stamp = started.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    log.info(MESSAGE, extra={"fields": {**measured.labels, "started_at": stamp, **fields(measured.result)}})


def log_results(results: Sequence[Measured]) -> None:
    """Log all of them."""
    for measured in results:
        log_result(measured)
