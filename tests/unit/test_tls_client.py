"""What clients of ours trust: the same on every interpreter, with certificates as the field has them."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from ipsecping.tls_client import client_context

from .field_certificates import (
    AKI,
    CA_BASICS,
    CA_USAGE,
    NAME,
    SAN,
    SERVER,
    SKI,
    Form,
    Issued,
    Workshop,
)
from .handshakes import handshake, server

GOOD_CA = Form(extensions=(CA_BASICS, CA_USAGE, SKI))
GOOD_LEAF = Form(subject="/CN=server", extensions=(*SERVER, SAN, SKI, AKI))
BARE_LEAF = Form(subject="/CN=server", extensions=(*SERVER, SAN))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("field"))


@pytest.fixture(scope="module")
def good(workshop: Workshop) -> tuple[Path, Issued]:
    """An authority's file and a server's certificate that nobody objects to."""
    ca = workshop.root(GOOD_CA)
    return ca.certificate, workshop.signed(GOOD_LEAF, ca)


def judged(anchor: Path, chain: Path, key: Path, *, strict: bool = False, name: str = NAME) -> str | None:
    return handshake(client_context(ca_file=str(anchor), strict=strict), server(chain, key), name)


FORMS: dict[str, tuple[Form, Form, str | None]] = {
    # what it is: (authority, server, what the strict profile says)
    "EKS: basic constraints alone": (Form(extensions=(CA_BASICS,)), BARE_LEAF, "Key Identifier"),
    "kubeadm before Go 1.15": (Form(extensions=(CA_BASICS, CA_USAGE)), BARE_LEAF, "Key Identifier"),
    "kubeadm today": (
        Form(
            subject="/CN=kubernetes", extensions=(CA_BASICS, CA_USAGE, SKI, "subjectAltName=DNS:kubernetes")
        ),
        Form(
            subject="/CN=kube-apiserver",
            extensions=(*SERVER, "keyUsage=critical,digitalSignature,keyEncipherment", SAN, AKI),
        ),
        None,
    ),
    "k3s": (
        Form(subject="/CN=k3s-server-ca@1732000000", extensions=(CA_BASICS, CA_USAGE, SKI)),
        Form(subject="/O=k3s/CN=k3s", extensions=(*SERVER, "keyUsage=critical,digitalSignature", SAN, AKI)),
        None,
    ),
    "leaf without authority key identifier": (GOOD_CA, BARE_LEAF, "Authority Key Identifier"),
    "authority without key usage": (Form(extensions=(CA_BASICS, SKI)), GOOD_LEAF, "key usage"),
    "RSA of 2,048 bits": (
        Form(key=("rsa", "2048"), extensions=(CA_BASICS, CA_USAGE, SKI)),
        Form(subject="/CN=server", key=("rsa", "2048"), extensions=(*SERVER, SAN, SKI, AKI)),
        None,
    ),
    "basic constraints not critical": (
        Form(extensions=("basicConstraints=CA:TRUE", CA_USAGE, SKI)),
        GOOD_LEAF,
        "Basic Constraints of CA cert not marked critical",
    ),
    "wildcard name": (
        GOOD_CA,
        Form(extensions=(*SERVER, "subjectAltName=DNS:*.field.example", SKI, AKI)),
        None,
    ),
}


@pytest.mark.parametrize("what", FORMS)
def test_authorities_of_the_field_are_trusted_and_only_the_strict_profile_objects(
    workshop: Workshop, what: str
) -> None:
    ca_form, leaf_form, objection = FORMS[what]
    ca = workshop.root(ca_form)
    leaf = workshop.signed(leaf_form, ca)
    assert judged(ca.certificate, leaf.certificate, leaf.key) is None
    said = judged(ca.certificate, leaf.certificate, leaf.key, strict=True)
    if objection is None:
        assert said is None
    else:
        assert said is not None
        assert objection.lower() in said.lower()


def test_an_intermediate_that_is_named_as_an_authority_is_one(workshop: Workshop) -> None:
    root = workshop.root(GOOD_CA)
    between = workshop.signed(Form(subject="/CN=between", extensions=(CA_BASICS, CA_USAGE, SKI, AKI)), root)
    leaf = workshop.signed(GOOD_LEAF, between)
    for chain in (leaf.certificate, workshop.bundle(leaf, between), workshop.bundle(leaf, between, root)):
        assert judged(between.certificate, chain, leaf.key) is None
        assert judged(between.certificate, chain, leaf.key, strict=True) is None
    assert judged(root.certificate, workshop.bundle(leaf, between), leaf.key) is None
    # With the root alone, a server that does not send what lies between cannot be verified.
    assert judged(root.certificate, leaf.certificate, leaf.key) == "unable to get local issuer certificate"


REFUSED: dict[str, tuple[Form, Form, str]] = {
    "SHA-1": (
        GOOD_CA,
        Form(subject="/CN=server", digest="sha1", extensions=(*SERVER, SAN, SKI, AKI)),
        "CA signature digest algorithm too weak",
    ),
    "key of 1,024 bits": (
        GOOD_CA,
        Form(subject="/CN=server", key=("rsa", "1024"), extensions=(*SERVER, SAN, SKI, AKI)),
        "EE certificate key too weak",
    ),
    "authority's key of 1,024 bits": (
        Form(key=("rsa", "1024"), extensions=(CA_BASICS, CA_USAGE, SKI)),
        GOOD_LEAF,
        "CA certificate key too weak",
    ),
    "name in the subject only": (
        GOOD_CA,
        Form(subject=f"/CN={NAME}", extensions=(*SERVER, SKI, AKI)),
        f"Hostname mismatch, certificate is not valid for '{NAME}'.",
    ),
    "wrong name": (
        GOOD_CA,
        Form(extensions=(*SERVER, "subjectAltName=DNS:other.example", SKI, AKI)),
        f"Hostname mismatch, certificate is not valid for '{NAME}'.",
    ),
    "expired": (
        GOOD_CA,
        Form(extensions=(*SERVER, SAN, SKI, AKI), end="20210101000000Z"),
        "certificate has expired",
    ),
    "not yet valid": (
        GOOD_CA,
        Form(extensions=(*SERVER, SAN, SKI, AKI), start="20980101000000Z"),
        "certificate is not yet valid",
    ),
    "authority expired": (
        Form(extensions=(CA_BASICS, CA_USAGE, SKI), end="20210101000000Z"),
        GOOD_LEAF,
        "certificate has expired",
    ),
    "a client's certificate": (
        GOOD_CA,
        Form(extensions=("basicConstraints=CA:FALSE", "extendedKeyUsage=clientAuth", SAN, SKI, AKI)),
        "unsuitable certificate purpose",
    ),
    "signed by one that is no authority": (
        Form(extensions=("basicConstraints=critical,CA:FALSE", SKI)),
        GOOD_LEAF,
        "invalid CA certificate",
    ),
    "names that the authority may not give": (
        Form(extensions=(CA_BASICS, CA_USAGE, SKI, "nameConstraints=critical,permitted;DNS:other.example")),
        Form(extensions=(*SERVER, f"subjectAltName=DNS:{NAME}", SKI, AKI)),
        "permitted subtree violation",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_trusted_is_refused_in_openssl_s_words(workshop: Workshop, what: str) -> None:
    ca_form, leaf_form, words = REFUSED[what]
    ca = workshop.root(ca_form)
    leaf = workshop.signed(leaf_form, ca)
    assert judged(ca.certificate, leaf.certificate, leaf.key) == words


def test_an_unknown_authority_is_refused_also_where_the_system_s_are_trusted(
    workshop: Workshop, good: tuple[Path, Issued]
) -> None:
    _, leaf = good
    stranger = workshop.root(Form(subject="/CN=stranger", extensions=(CA_BASICS, CA_USAGE, SKI)))
    unknown = "unable to get local issuer certificate"
    assert judged(stranger.certificate, leaf.certificate, leaf.key) == unknown
    assert handshake(client_context(), server(leaf.certificate, leaf.key)) == unknown


@pytest.mark.parametrize("name", ["127.0.0.1", NAME, NAME.upper()])
def test_addresses_and_names_are_looked_for_in_the_alternative_names(
    good: tuple[Path, Issued], name: str
) -> None:
    ca, leaf = good
    assert judged(ca, leaf.certificate, leaf.key, name=name) is None


def test_a_client_shows_the_certificate_that_it_was_given(
    workshop: Workshop, good: tuple[Path, Issued]
) -> None:
    ca, leaf = good
    clients = workshop.root(Form(subject="/CN=clients", extensions=(CA_BASICS, CA_USAGE, SKI)))
    mine = workshop.signed(
        Form(extensions=("basicConstraints=CA:FALSE", "extendedKeyUsage=clientAuth", SKI, AKI)), clients
    )
    far = server(leaf.certificate, leaf.key, clients=clients.certificate)
    shown = client_context(ca_file=str(ca), certificate=str(mine.certificate), key=str(mine.key))
    assert handshake(shown, far) is None
    bare = handshake(client_context(ca_file=str(ca)), far)
    assert bare is not None
    assert "peer did not return a certificate" in bare


def test_without_verification_any_certificate_will_do(workshop: Workshop) -> None:
    ca_form, leaf_form, _ = REFUSED["expired"]
    leaf = workshop.signed(leaf_form, workshop.root(ca_form))
    assert handshake(client_context(verify=False), server(leaf.certificate, leaf.key), "any.example") is None


def bad_file(folder: Path) -> str:
    file = folder / "not.pem"
    file.write_text("no certificate")
    return str(file)


@pytest.mark.parametrize(
    ("file", "error"), [(lambda _: "/nowhere/ca.pem", FileNotFoundError), (bad_file, ssl.SSLError)]
)
def test_a_file_without_certificates_is_an_error(
    tmp_path: Path, file: Callable[[Path], str], error: type[OSError]
) -> None:
    with pytest.raises(error):
        client_context(ca_file=file(tmp_path))


def test_old_versions_of_tls_are_not_spoken(good: tuple[Path, Issued]) -> None:
    ca, leaf = good
    far = server(leaf.certificate, leaf.key)
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        far.minimum_version, far.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    said = handshake(client_context(ca_file=str(ca)), far)
    assert said is not None
    assert "protocol" in said
