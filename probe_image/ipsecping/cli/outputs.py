"""The options of `run` that send results somewhere, checked before anything is measured."""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..outputs.errors import OutputError
from .errors import CommandError

if TYPE_CHECKING:
    from ..outputs.figures import Measured
    from ..outputs.http import Target
    from ..outputs.series import SeriesBook

TOKEN_VARIABLE = "INFLUX_TOKEN"  # noqa: S105 - the name of a variable, not a token


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    group = parser.add_argument_group("outputs", "each is tried, whatever becomes of the others")
    group.add_argument(
        "--textfile",
        metavar="FILE.prom",
        type=Path,
        help="replace this file of node_exporter's textfile collector; counters go on from what it says",
    )
    group.add_argument(
        "--pushgateway",
        metavar="URL",
        help="replace each check's group on a Prometheus Pushgateway, such as http://host:9091",
    )
    group.add_argument(
        "--influx",
        metavar="URL",
        help="write to InfluxDB (API v2), such as 'http://host:8086?org=ORG&bucket=BUCKET'",
    )
    group.add_argument(
        "--influx-token-file",
        metavar="FILE",
        type=Path,
        help=f"file with the API token (default: the environment variable {TOKEN_VARIABLE}, if set)",
    )
    group.add_argument(
        "--log-results", action="store_true", help="log each result, with --log-format json as an object"
    )


class Outputs:
    """Where the results of one run go, besides standard output."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Raises CommandError for what can be seen to be wrong beforehand."""
        self._log = bool(options.log_results)
        self._textfile: Path | None = None
        self._gateway: Target | None = None
        self._influx: Target | None = None
        self._token: str | None = None
        if options.textfile is not None:
            from ..outputs.textfile import check_name

            with _naming("--textfile"):
                self._textfile = check_name(options.textfile)
        if options.pushgateway is not None:
            from ..outputs.http import parse_url

            with _naming("--pushgateway"):
                self._gateway = parse_url(options.pushgateway)
        if options.influx is not None:
            from ..outputs.influx import parse_write_url

            with _naming("--influx"):
                self._influx = parse_write_url(options.influx)
            self._token = _token(options.influx_token_file)
        elif options.influx_token_file is not None:
            raise CommandError("run: --influx-token-file needs --influx URL")

    def writers(self, results: Sequence["Measured"]) -> dict[str, Callable[[], None]]:
        """What is to be done, by the name of the output."""
        todo: dict[str, Callable[[], None]] = {}
        if self._textfile is not None or self._gateway is not None:
            book = self._book(results)
            if self._textfile is not None:
                from ..outputs import textfile

                todo["textfile"] = partial(textfile.write, self._textfile, book.exposition())
            if self._gateway is not None:
                from ..outputs import pushgateway

                todo["pushgateway"] = partial(pushgateway.push, self._gateway, book)
        if self._influx is not None:
            from ..outputs import influx

            todo["influx"] = partial(influx.write, self._influx, results, self._token)
        if self._log:
            from ..outputs.logline import log_results

            todo["log"] = partial(log_results, results)
        return todo

    def _book(self, results: Sequence["Measured"]) -> "SeriesBook":
        from ..outputs.series import SeriesBook
        from ..outputs.textfile import read_counters

        book = SeriesBook()
        for check, result in results:
            book.add(check, result)
        if self._textfile is not None:
            book.go_on_from(read_counters(self._textfile).items())
        return book


@contextmanager
def _naming(option: str) -> Iterator[None]:
    try:
        yield
    except OutputError as error:
        raise CommandError(f"run: {option}: {error}") from error


def _token(file: Path | None) -> str | None:
    from ..outputs.influx import check_token

    if file is None:
        given = os.environ.get(TOKEN_VARIABLE)
        with _naming(TOKEN_VARIABLE):
            return check_token(given) if given else None
    with _naming("--influx-token-file"):
        try:
            return check_token(file.read_text())
        except OSError as error:
            raise OutputError(f"{file}: {error.strerror}") from error
        except UnicodeError as error:
            raise OutputError(f"{file}: not a token") from error
