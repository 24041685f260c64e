"""A right gateway that shows a certificate in place of the shared key, and what is wrong with that. Pure."""

from __future__ import annotations

from .. import strongswan, topology
from .effects import of_path
from .model import Fault
from .resources import Configuration, Edit, Effect

VALIDITIES = ("valid", "expired", "early", "untrusted")
"""early: not valid yet, as it looks to a gateway whose clock is behind. All gateways have one clock here."""
_TIMES = {"expired": ("20200101000000Z", "20200201000000Z"), "early": ("20990101000000Z", "20990201000000Z")}
_USUAL_TIMES = ("20200101000000Z", "20990101000000Z")
_LARGE = 4000
"""Octets of a comment: more than two packets."""


def certificate(fault: Fault, which: str, *, large: bool = False) -> tuple[Effect, ...]:
    """The right gateway has it and shows it, and the left one asks for one that its authority has signed."""
    right = fault.tunnel_path.right
    folder = strongswan.changed(right)
    shown = f"/^    local {{/,/}}/s#auth = psk#auth = pubkey\\n      certs = {folder}/end.pem#"
    asked = f"/^    remote {{/,/}}/s#auth = psk#auth = pubkey\\n      cacerts = {folder}/trusted.pem#"
    made = _made(right, which, large=large)
    return (
        Effect(Configuration(right), Edit(shown, prepare=made)),
        Effect(Configuration(topology.LEFT), Edit(of_path(fault, asked), prepare=made)),
    )


def _made(gateway: str, which: str, *, large: bool) -> str:
    """Lines of a shell that make authorities, key and certificate unless they are there."""
    folder = strongswan.changed(gateway)
    start, end = _TIMES.get(which, _USUAL_TIMES)
    signer = "other" if which == "untrusted" else "trusted"
    comment = f"nsComment = {'x' * _LARGE}" if large else ""
    kind = f"{which}-{large}"
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout"
    authority = (
        f"openssl req -x509 {key} {folder}/$name.key -out {folder}/$name.pem -days 3650 -subj /CN=$name"
    )
    return f"""if [ "$(cat {folder}/kind 2>/dev/null)" != {kind} ]; then
rm -rf {folder}
mkdir -p {folder}/private
: >{folder}/index
cat >{folder}/ca.conf <<END
[ca]
default_ca = authority
[authority]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = policy
x509_extensions = extensions
[policy]
commonName = supplied
[extensions]
subjectAltName = DNS:{gateway}.lab
{comment}
END
for name in trusted other; do {authority} -addext keyUsage=critical,keyCertSign; done
openssl req -new {key} {folder}/private/key.pem -out {folder}/request.pem -subj /CN={gateway}.lab
openssl ca -batch -notext -config {folder}/ca.conf -startdate {start} -enddate {end} \\
  -cert {folder}/{signer}.pem -keyfile {folder}/{signer}.key -in {folder}/request.pem -out {folder}/end.pem
echo {kind} >{folder}/kind
fi"""
