"""TLS handshakes in memory, between a client of ours and a server that shows whatever it has."""

import ssl
from pathlib import Path

from .field_certificates import NAME


def server(chain: Path, key: Path, *, clients: Path | None = None) -> ssl.SSLContext:
    """A server that shows whatever it has, however weak."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(chain, key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


def handshake(client: ssl.SSLContext, far: ssl.SSLContext, name: str = NAME) -> str | None:
    """Why the handshake failed, as OpenSSL words it; None when it was completed."""
    to_far, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_far, server_hostname=name)
    theirs = far.wrap_bio(to_far, to_client, server_side=True)
    done = [False, False]
    for _ in range(10):
        for number, side in enumerate((ours, theirs)):
            try:
                side.do_handshake()
                done[number] = True
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
            except ssl.SSLError as error:
                return str(error)
        if all(done):
            return None
    raise AssertionError("the handshake does not end")
