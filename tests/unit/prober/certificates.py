"""Certificates for tests, made with the openssl program."""

from pathlib import Path
from typing import NamedTuple

from ...peers.openssl import openssl

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
CA_CONFIG = """
[ca]
default_ca = default
[default]
database = {folder}/index
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = optional
"""


class Pair(NamedTuple):
    """A certificate and its key, PEM files."""

    certificate: Path
    key: Path


def authority(folder: Path) -> Pair:
    """A certificate authority of its own."""
    folder.mkdir()
    made = Pair(folder / "ca.pem", folder / "ca.key")
    (folder / "index").touch()
    (folder / "ca.cnf").write_text(CA_CONFIG.format(folder=folder))
    openssl(
        "req", "-x509", *NEW_KEY, "-subj", "/CN=test CA", "-days", "3650",
        "-keyout", made.key, "-out", made.certificate,
    )  # fmt: skip
    return made


def issue(ca: Pair, name: str, *, names: str, start: str, end: str) -> Pair:
    """A certificate for names such as `DNS:a,IP:::1`, valid from and to YYYYMMDDHHMMSSZ."""
    folder = ca.certificate.parent
    made, request = Pair(folder / f"{name}.pem", folder / f"{name}.key"), folder / f"{name}.csr"
    openssl(
        "req", "-new", *NEW_KEY, "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}",
        "-keyout", made.key, "-out", request,
    )  # fmt: skip
    openssl(
        "ca", "-batch", "-notext", "-config", folder / "ca.cnf", "-cert", ca.certificate,
        "-keyfile", ca.key, "-startdate", start, "-enddate", end, "-outdir", folder,
        "-in", request, "-out", made.certificate,
    )  # fmt: skip
    return made
