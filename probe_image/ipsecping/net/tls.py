"""TLS upon a Stream (RFC 8446), and what the target's certificate says."""

import asyncio
import errno
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from ..addresses import parse_address
from ..bounded_file import read_bounded
from ..contract import LossReason, TlsOptions
from ..contract.methods.tls import MAX_SHOWN
from ..tls_client import client_context
from ..wire import x509
from ..wire.tls_hello import FirstMessage, over_finite_field
from .tcp import CHUNK, Chunk, ExchangeFailed, SocketStream

T = TypeVar("T")
MAX_TRUSTS = 64
"""CA files that are kept in memory."""
PIECE = 4096
"""Bytes that OpenSSL gets at once: it works on all that it has before it returns, and a record of 27 bytes
(KeyUpdate, RFC 8446 section 4.6.3) takes it 30 us."""
LARGE_HANDSHAKE = 8192
"""A handshake in which more bytes came goes on in a thread, where OpenSSL does without the interpreter. A
usual chain of certificates has 2 to 6 KiB; one of 100 KiB with the largest keys costs a tenth of a second."""


class TlsStream:
    """See Channel."""

    def __init__(self, stream: SocketStream, context: ssl.SSLContext, server_name: str | None = None) -> None:
        """The client's side, or the server's without a name.

        Raises ExchangeFailed for a name that no certificate can bear.
        """
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._octets = 0
        self._first = FirstMessage()
        try:
            self._tls = context.wrap_bio(
                self._incoming,
                self._outgoing,
                server_side=server_name is None,
                server_hostname=server_name,
            )
        except ValueError as error:
            raise ExchangeFailed(LossReason.TLS_FAILED, f"server name {server_name!r}: {error}") from error

    async def handshake(self) -> int:
        """When its last bytes came (`SocketStream.came`). Raises ExchangeFailed."""
        try:
            await self._drive(self._tls.do_handshake, aside=True)
        except ssl.SSLCertVerificationError as error:
            raise CertificateRefused(error.verify_message) from error
        except (ssl.SSLError, ExchangeFailed) as error:
            if isinstance(error, ExchangeFailed) and error.reason is not LossReason.BAD_ANSWER:
                raise
            raise ExchangeFailed(LossReason.TLS_FAILED, f"TLS handshake: {error}") from error
        return self._stream.came

    def certificate_expiry(self) -> int | None:
        """When the target's certificate ends, seconds since the Unix epoch; after the handshake."""
        certificate = self._tls.getpeercert(binary_form=True)
        return None if certificate is None else x509.not_after(certificate)

    async def send(self, data: bytes) -> int:
        """See Channel."""
        try:
            await self._drive(lambda: self._tls.write(data))
        except ssl.SSLError as error:
            raise _broken_off(error) from error
        return self._stream.sent

    async def receive(self) -> Chunk:
        """See Channel."""
        try:
            data = await self._drive(lambda: self._tls.read(CHUNK))
        except ssl.SSLZeroReturnError:
            data = b""
        except ssl.SSLError as error:
            raise _broken_off(error) from error
        return Chunk(data, self._stream.came)

    async def end(self) -> None:
        """See Channel."""
        with suppress(ssl.SSLError):
            await self._drive(self._tls.unwrap)
        await self._stream.end()

    async def _drive(self, step: Callable[[], T], *, aside: bool = False) -> T:
        """Repeat a step of the protocol until it has the bytes that it needs.

        `aside`: in a thread once more bytes came than `LARGE_HANDSHAKE`.
        """
        while True:
            try:
                if aside and self._octets > LARGE_HANDSHAKE:
                    result = await _in_thread(step)
                else:
                    result = step()
            except ssl.SSLWantReadError:
                await self._flush()
                chunk = await self._stream.receive(PIECE)
                self._octets += len(chunk.data)
                if chunk.data:
                    self._look_at(chunk.data)
                    self._incoming.write(chunk.data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                with suppress(ExchangeFailed):
                    await self._flush()  # the alert that tells the target why
                raise
            else:
                await self._flush()
                return result

    def _look_at(self, data: bytes) -> None:
        """Refuse what TLS 1.3 leaves of the costs that `tls_client` rules out.

        Python cannot say which groups to offer; one of 8,192 bits costs us 0.15 s of computing.
        """
        self._first.feed(data)
        group = self._first.group
        if group is not None and over_finite_field(group):
            raise ExchangeFailed(
                LossReason.TLS_FAILED,
                f"TLS handshake: the target asks for Diffie-Hellman over a finite field (group {group})",
            )

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._stream.send(self._outgoing.read())


async def _in_thread(step: Callable[[], T]) -> T:
    """Raises what the step raises, and ExchangeFailed where this host refuses a thread."""
    try:
        return await asyncio.to_thread(step)
    except RuntimeError as error:  # the pod's limit of processes
        raise ExchangeFailed(None, f"this host refuses a thread for the handshake: {error}") from error


class CertificateRefused(ExchangeFailed):
    """The handshake failed for want of trust in the certificate alone."""

    def __init__(self, message: str) -> None:
        super().__init__(LossReason.TLS_FAILED, f"certificate: {message}")


class UnusableAuthorities(OSError):
    """A file of certificates or of a key is absent or unusable; the message names it."""

    def __init__(self, file: str | None, what: str | None) -> None:
        super().__init__(errno.ENOENT, f"{file}: {what}")  # none that a network may give


class Trust:
    """Whom to trust. Sessions that trust the same share it: the system's certificates take memory."""

    def __init__(self, options: TlsOptions) -> None:
        """Raises UnusableAuthorities."""
        self._options = options
        self._files = tuple(
            file
            for file in (
                options.ca_file if options.verify else None,
                options.certificate_file,
                options.certificate_key_file,
            )
            if file is not None
        )
        self._seen = self._signatures()
        self._context = self._make()

    def context(self) -> ssl.SSLContext:
        """For the next handshake; reads changed files again. Raises UnusableAuthorities."""
        signatures = self._signatures()
        if signatures != self._seen:
            self._context, self._seen = self._make(), signatures
        return self._context

    def _make(self) -> ssl.SSLContext:
        options = self._options
        if not self._files and not options.verify:
            return unverified()
        if options.certificate_file is not None:
            _require_few(options.certificate_file)
        try:
            return client_context(
                ca_file=options.ca_file if options.verify else None,
                certificate=options.certificate_file,
                key=options.certificate_key_file,
                verify=options.verify,
                strict=options.strict,
            )
        except ssl.SSLError as error:
            # OpenSSL does not say which of them.
            raise UnusableAuthorities(", ".join(self._files), "no certificates or key in PEM form") from error
        except OSError as error:
            raise UnusableAuthorities(", ".join(self._files), error.strerror) from error

    def _signatures(self) -> object:
        return tuple(map(_signature, self._files))


def _require_few(file: str) -> None:
    """What is shown in each handshake must not be more than the rates that a check may have count."""
    try:
        read_bounded(Path(file), MAX_SHOWN)
    except OSError as error:
        raise UnusableAuthorities(file, error.strerror) from error


def _signature(file: str) -> object:
    try:
        status = Path(file).stat()
    except OSError as error:
        raise UnusableAuthorities(file, error.strerror) from error
    return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(maxsize=MAX_TRUSTS)
def _trust(options: TlsOptions) -> Trust:
    return Trust(options)


def trust(options: TlsOptions) -> Trust:
    """The Trust for these options, whatever name they give. Raises UnusableAuthorities."""
    return _trust(replace(options, server_name=None))


@lru_cache(maxsize=1)
def unverified() -> ssl.SSLContext:
    """Completes any handshake, whatever the certificate."""
    return client_context(verify=False)


def _broken_off(error: ssl.SSLError) -> ExchangeFailed:
    return ExchangeFailed(LossReason.BAD_ANSWER, f"TLS: {error}")


def server_name(name: str) -> str:
    """A host as a certificate names it: an IPv6 address without zone, a name without the final dot."""
    try:
        return str(parse_address(name))
    except ValueError:
        return name.removesuffix(".")
