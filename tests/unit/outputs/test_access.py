"""Credentials and certificates of the outputs' servers: files in, header fields and contexts out."""

import base64
import subprocess
from pathlib import Path

import pytest

from ipsecping.outputs.access import read_authorization, read_token, tls_context
from ipsecping.outputs.errors import OutputError

from ..field_certificates import CA_BASICS, Form, Workshop

BASIC = base64.b64encode


def written(path: Path, content: bytes) -> Path:
    file = path / "file"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"prom:s3cret\n", "Basic " + BASIC(b"prom:s3cret").decode()),
        (b"prom:with:colons and blanks", "Basic " + BASIC(b"prom:with:colons and blanks").decode()),
        ("jürgen:paßwort".encode(), "Basic " + BASIC("jürgen:paßwort".encode()).decode()),
        (b"Bearer abc.def-_=\n", "Bearer abc.def-_="),
        (b"bearer  abc", "Bearer abc"),
    ],
)
def test_a_user_or_a_bearer_token_becomes_the_field(tmp_path: Path, content: bytes, value: str) -> None:
    assert read_authorization(written(tmp_path, content)) == value


@pytest.mark.parametrize(
    "content", [b"", b"s3cret", b"Bearer ", b"a:s3cret\nb:c", b"a:s3\xffcret", b"a:s3\rcret", b"x" * 70_000]
)
def test_anything_else_is_refused_with_the_file_and_never_shown(tmp_path: Path, content: bytes) -> None:
    file = written(tmp_path, content)
    with pytest.raises(OutputError) as refused:
        read_authorization(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert "s3" not in str(refused.value).removeprefix(str(file))


@pytest.mark.parametrize("token", [b"", b" \n", b"a\nb", "schlüssel".encode()])
def test_a_token_that_no_header_can_carry_is_refused(tmp_path: Path, token: bytes) -> None:
    with pytest.raises(OutputError, match="token"):
        read_token(written(tmp_path, token))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for read in (read_authorization, read_token):
        with pytest.raises(OutputError, match=r"absent: No such file"):
            read(tmp_path / "absent")
    with pytest.raises(OutputError, match=r"absent: No such file"):
        tls_context(ca=tmp_path / "absent", certificate=None, key=None)


def test_what_is_no_certificate_is_refused_with_its_name(tmp_path: Path) -> None:
    file = written(tmp_path, b"no PEM")
    with pytest.raises(OutputError, match="PEM form"):
        tls_context(ca=file, certificate=None, key=None)
    with pytest.raises(OutputError, match="PEM form"):
        tls_context(ca=None, certificate=file, key=None)


def test_an_encrypted_key_is_refused_instead_of_waiting_for_its_password(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    issued = workshop.root(Form(extensions=(CA_BASICS,)))
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkey", "-in", issued.key, "-out", locked, "-aes128", "-passout", "pass:word"], check=True
    )
    with pytest.raises(OutputError, match="no certificates and keys"):
        tls_context(ca=None, certificate=issued.certificate, key=locked)


def test_a_key_without_its_certificate_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="only with its certificate"):
        tls_context(ca=None, certificate=None, key=tmp_path / "key")


def test_without_files_the_servers_certificates_are_judged_as_ever() -> None:
    assert tls_context(ca=None, certificate=None, key=None) is None
