"""The TLS part of an exchange."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from ..contract import CertificateExpiry, Invalidity, TlsOptions
from ..measure.ledger import Ledger
from ..net.tcp import ExchangeFailed, Stream
from ..net.tls import (
    CertificateRefused,
    TlsStream,
    UnusableAuthorities,
    server_name,
    trust,
    unverified,
)
from .base import RoundInvalid
from .exchange import Report

log = logging.getLogger(__name__)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except UnusableAuthorities as error:
        raise RoundInvalid(Invalidity.KEY_MISSING, str(error.strerror)) from error


class TlsProbing:
    """Handshakes of one session."""

    def __init__(
        self,
        options: TlsOptions,
        *,
        host: str,
        connect: Callable[[], Stream],
        introduce: Callable[[Stream], Awaitable[None]] | None = None,
    ) -> None:
        """`host` is the certificate's name where the options give none; `introduce` says what comes before
        the handshake. Raises RoundInvalid, as `ready`."""
        with _told():
            self._trust = trust(options)
        self._name = server_name(options.server_name or host)
        self._connect = connect
        self._introduce = introduce
        self._looking = asyncio.Lock()
        self._looked = False
        self._unreadable = False

    def ready(self) -> None:
        """Raises RoundInvalid while a file of certificates cannot be used."""
        with _told():
            self._trust.context()

    async def handshake(self, stream: Stream, ledger: Ledger, report: Report) -> tuple[TlsStream, int]:
        """TLS upon a connection, and when it was complete; enters the certificate's end into the ledger.

        Raises ExchangeFailed. A certificate that is refused is reported, and then looked at in a second
        handshake, unless that was done before: OpenSSL hands it out only when the handshake succeeds.
        """
        if self._introduce is not None:
            await self._introduce(stream)
        tls = TlsStream(stream, self._trust.context(), self._name)
        try:
            complete_at = await tls.handshake()
        except CertificateRefused as error:
            report(error)
            await self._look(ledger)
            raise
        self._enter(tls, ledger)
        return tls, complete_at

    def _enter(self, tls: TlsStream, ledger: Ledger) -> None:
        """Note when the certificate ends; say once when that cannot be read."""
        expiry = tls.certificate_expiry()
        ledger.found(CertificateExpiry, None if expiry is None else CertificateExpiry(expiry))
        if expiry is None and not self._unreadable:
            log.warning("the certificate of %s does not say readably when it ends", self._name)
        self._unreadable = expiry is None

    async def _look(self, ledger: Ledger) -> None:
        async with self._looking:
            if self._looked:
                return
            stream = None
            try:
                stream = self._connect()
                await stream.connected()
                if self._introduce is not None:
                    await self._introduce(stream)
                tls = TlsStream(stream, unverified(), self._name)
                await tls.handshake()
                self._enter(tls, ledger)
                self._looked = True
            except (ExchangeFailed, OSError) as error:
                log.info("the refused certificate could not be looked at: %s", error)
            finally:
                if stream is not None:
                    stream.close()
