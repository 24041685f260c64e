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
    from ..outputs.access import Access
    from ..outputs.figures import Measured
    from ..outputs.http import Target
    from ..outputs.series import SeriesBook

SERVERS = ("pushgateway", "influx")
ACCESS = ("auth_file", "ca", "cert", "key")
"""Options of each server: `--influx-auth-file` and so on."""
TOKEN_VARIABLE = "INFLUX_TOKEN"  # noqa: S105 - the name of a variable, not a token


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    group = parser.add_argument_group("outputs", "each is tried, whatever becomes of the others")
    group.add_argument(
        "--textfile",
        metavar="FILE.prom",
        type=Path,
        help="replace this file of node_exporter's textfile collector; counters continue from their values "
        "in it",
    )
    group.add_argument(
        "--pushgateway",
        metavar="URL",
        help="replace each check's group on a Prometheus Pushgateway, such as http://host:9091",
    )
    group.add_argument(
        "--influx",
        metavar="URL",
        help="write to InfluxDB, such as 'http://host:8086?org=ORG&bucket=BUCKET', to version 1 or "
        "VictoriaMetrics as 'http://host:8086/write?db=DATABASE'; - prints line protocol and nothing else",
    )
    group.add_argument(
        "--influx-token-file",
        metavar="FILE",
        type=Path,
        help=f"file with the API token (default: the environment variable {TOKEN_VARIABLE}, if set)",
    )
    for server in SERVERS:
        _add_access(group, server)
    group.add_argument(
        "--log-results", action="store_true", help="log each result, with --log-format json as an object"
    )


def _add_access(group: "argparse._ArgumentGroup", server: str) -> None:
    for name, what in (
        ("auth-file", "file with USER:PASSWORD or Bearer TOKEN"),
        ("ca", "PEM file with the authorities to trust instead of the system's"),
        ("cert", "PEM file with the client certificate to show, which may hold its key too"),
        ("key", "PEM file with the key of that certificate"),
    ):
        group.add_argument(f"--{server}-{name}", metavar="FILE", type=Path, help=f"{what}, for --{server}")


class Outputs:
    """Where the results of one run go, besides standard output."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Raises CommandError for what can be seen to be wrong beforehand."""
        self._log = bool(options.log_results)
        self._textfile: Path | None = None
        self._gateway: tuple[Target, Access] | None = None
        self._influx: tuple[Target, Access] | None = None
        self.prints_influx: bool = options.influx == "-"
        """Standard output is for line protocol alone."""
        if options.textfile is not None:
            from ..outputs.textfile import check_name

            with _naming("--textfile"):
                self._textfile = check_name(options.textfile)
        if options.pushgateway is not None:
            from ..outputs.http import parse_url

            with _naming("--pushgateway"):
                self._gateway = parse_url(options.pushgateway), _access(options, "pushgateway")
        if options.influx is not None and not self.prints_influx:
            from ..outputs.influx import parse_write_url

            with _naming("--influx"):
                self._influx = parse_write_url(options.influx), _influx_access(options)
        _refuse_access_without(options, "pushgateway", given=self._gateway is not None)
        _refuse_access_without(options, "influx", given=self._influx is not None)

    def influx_lines(self, results: Sequence["Measured"]) -> list[str]:
        """What is printed where `prints_influx`."""
        from ..outputs.influx import line

        return [line(measured) for measured in results]

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

                todo["pushgateway"] = partial(pushgateway.push, self._gateway[0], book, self._gateway[1])
        if self._influx is not None:
            from ..outputs import influx

            todo["influx"] = partial(influx.write, self._influx[0], results, self._influx[1])
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


def _access(options: argparse.Namespace, server: str) -> "Access":
    from ..outputs.access import Access, read_authorization, tls_context

    auth, ca, certificate, key = (_given(options, server, name) for name in ACCESS)
    authorization = None
    if auth is not None:
        with _naming(f"--{server}-auth-file"):
            authorization = read_authorization(auth)
    with _naming(f"--{server}-ca, --{server}-cert, --{server}-key"):
        return Access(authorization, tls_context(ca=ca, certificate=certificate, key=key))


def _influx_access(options: argparse.Namespace) -> "Access":
    from ..outputs.access import checked_token, read_token

    access, file = _access(options, "influx"), options.influx_token_file
    if access.authorization is not None:
        if file is not None:
            raise CommandError("run: --influx-auth-file and --influx-token-file: give one of the two")
        return access
    token = None
    if file is not None:
        with _naming("--influx-token-file"):
            token = read_token(file)
    elif given := os.environ.get(TOKEN_VARIABLE):
        with _naming(TOKEN_VARIABLE):
            token = checked_token(given, "the variable")
    return access if token is None else access._replace(authorization=f"Token {token}")


def _refuse_access_without(options: argparse.Namespace, server: str, *, given: bool) -> None:
    """An option that would be of no effect is a mistake."""
    names = (*ACCESS, "token_file") if server == "influx" else ACCESS
    for name in names:
        if not given and _given(options, server, name) is not None:
            raise CommandError(f"run: --{server}-{name.replace('_', '-')} needs --{server} URL")


def _given(options: argparse.Namespace, server: str, name: str) -> Path | None:
    file: Path | None = getattr(options, f"{server}_{name}")
    return file
