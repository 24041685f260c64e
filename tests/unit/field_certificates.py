"""Chains of certificates as they are met in the field, made with the openssl program.

Every extension is written out: what an authority lacks is lacking here, whatever openssl adds by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..peers.openssl import openssl

NAME = "api.field.example"
SAN = f"subjectAltName=DNS:{NAME},IP:127.0.0.1"
SERVER = ("basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth")
CA_BASICS = "basicConstraints=critical,CA:TRUE"
CA_USAGE = "keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign"
SKI, AKI = "subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"
EC = ("ec", "ec_paramgen_curve:P-256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a certificate is made. `start` and `end` as YYYYMMDDHHMMSSZ."""

    extensions: Sequence[str]
    subject: str = "/CN=ca"
    key: tuple[str, str] = EC
    digest: str = "sha256"
    start: str = "20200101000000Z"
    end: str = "20991231235959Z"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, PEM files."""

    certificate: Path
    key: Path


@dataclass(slots=True)
class Workshop:
    """Makes certificates in a folder."""

    folder: Path
    made: int = field(default=0)

    def root(self, form: Form) -> Issued:
        """A certificate that signs itself."""
        return self._issue(form, None)

    def signed(self, form: Form, by: Issued) -> Issued:
        """A certificate that another one's key signs."""
        return self._issue(form, by)

    def bundle(self, *parts: Issued) -> Path:
        """Their certificates in one file, as a server sends a chain."""
        self.made += 1
        file = self.folder / f"bundle{self.made}.pem"
        file.write_text("".join(part.certificate.read_text() for part in parts))
        return file

    def _issue(self, form: Form, by: Issued | None) -> Issued:
        self.made += 1
        stem = self.folder / f"c{self.made}"
        made = Issued(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        request, config = stem.with_suffix(".csr"), stem.with_suffix(".cnf")
        (self.folder / f"{stem.name}.index").touch()
        config.write_text(
            f"[ca]\ndefault_ca=here\n[here]\ndatabase={stem}.index\nrand_serial=yes\npolicy=any\n"
            f"default_md={form.digest}\nunique_subject=no\n[any]\ncommonName=optional\n[wanted]\n"
            + "".join(f"{line}\n" for line in (*form.extensions, *_left_out(form.extensions)))
        )
        option = ("rsa_keygen_bits:" if form.key[0] == "rsa" else "") + form.key[1]
        openssl("genpkey", "-algorithm", form.key[0], "-pkeyopt", option, "-out", made.key)
        openssl("req", "-new", f"-{form.digest}", "-key", made.key, "-subj", form.subject, "-out", request)
        signer = (
            ("-selfsign", "-keyfile", made.key)
            if by is None
            else ("-cert", by.certificate, "-keyfile", by.key)
        )
        openssl(
            "ca", "-batch", "-notext", "-config", config, *signer, "-extensions", "wanted",
            "-startdate", form.start, "-enddate", form.end,
            "-outdir", self.folder, "-in", request, "-out", made.certificate,
        )  # fmt: skip
        return made


def _left_out(extensions: Sequence[str]) -> list[str]:
    """What openssl would add unasked."""
    named = {line.partition("=")[0] for line in extensions}
    return [
        f"{name}=none" for name in ("subjectKeyIdentifier", "authorityKeyIdentifier") if name not in named
    ]
