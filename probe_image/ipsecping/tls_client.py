"""TLS contexts of every client of ours: probes, outputs, the operator's way to the API server.

What a client verifies must not depend on the interpreter that it runs on. Python 3.13 turned the strict
profile of RFC 5280 on (VERIFY_X509_STRICT), which refuses the authorities of AWS EKS, of older kubeadm
clusters and of many private ones; before 3.13 no intermediate authority could be a trust anchor. So all that
has a default is set here, to what clients in Go do: trust and names (RFC 9525).
"""

import ssl

LEAST_VERSION = ssl.TLSVersion.TLSv1_2
LEAST_SECURITY_LEVEL = 2
"""OpenSSL's level of 112 bits: refuses RSA keys below 2,048 bits and signatures with SHA-1."""

_CIPHERS = "ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
"""Python's choice without DHE (TLS 1.2): there the target chooses the prime, and one of 8,192 bits costs us
0.3 s of computing. As it may not renegotiate, it does not choose how often we compute either."""
_TRUST = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
"""Whoever is named as an authority is one, whether or not it signed itself (RFC 5280 section 6.1)."""


def client_context(
    *,
    ca_file: str | None = None,
    ca_data: str | bytes | None = None,
    certificate: str | None = None,
    key: str | None = None,
    verify: bool = True,
    strict: bool = False,
) -> ssl.SSLContext:
    """Make a context that trusts the certificates in a PEM file or text, or else the system's.

    `certificate` and `key` are PEM files that the client shows of itself; the key may stand in the former.
    `strict` adds the strict profile of RFC 5280 (key usage, authority key identifiers and the like).
    `verify=False` completes any handshake, whatever the certificate.

    Raises:
        OSError: a file cannot be read.
        ssl.SSLError: there are no certificates in PEM form, or the key is encrypted or not the certificate's.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = LEAST_VERSION
    context.set_ciphers(f"@SECLEVEL={max(context.security_level, LEAST_SECURITY_LEVEL)}:{_CIPHERS}")
    context.options |= ssl.OP_NO_RENEGOTIATION
    if certificate is not None:
        # Without a password OpenSSL would ask for that of an encrypted key on the terminal, and wait.
        context.load_cert_chain(certificate, key, password="")
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.verify_flags = _TRUST | (ssl.VerifyFlags.VERIFY_X509_STRICT if strict else 0)
    # A name in the subject alone is none (RFC 9525 section 1.2).
    context.hostname_checks_common_name = False
    if ca_file is None and ca_data is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cafile=ca_file, cadata=ca_data)
    return context
