"""TLS upon TCP against a real server with certificates of a test authority."""

import asyncio
import calendar
import json
import shutil
import ssl
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from ipsecping.contract import (
    Invalidity,
    LossReason,
    ProbeType,
    RoundResult,
    TcpOptions,
    TlsOptions,
    result_from_json,
    result_to_json,
)
from ipsecping.contract.bounds import MAX_EXPIRY
from ipsecping.contract.methods.tls import MAX_SHOWN
from ipsecping.net.lookup import lookup

from ...plans import check_of
from ...result_figures import expiry_of
from .certificates import Pair, authority, issue
from .far_ends import LOOPBACK, Handler, hang_up, measure, probe, prober, reset, silent, tcp_server

END = "20991231235958Z"
END_SECONDS = calendar.timegm((2099, 12, 31, 23, 59, 58))
PAST_END_SECONDS = calendar.timegm((2021, 1, 1, 0, 0, 0))


class Certificates(NamedTuple):
    ca: Path
    stranger: Path
    good: Pair
    expired: Pair


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("pki")
    ca, stranger = authority(folder / "ours"), authority(folder / "strange")
    names = "DNS:far.example,DNS:localhost,IP:127.0.0.1,IP:::1"
    return Certificates(
        ca.certificate,
        stranger.certificate,
        issue(ca, "good", names=names, start="20240101000000Z", end=END),
        issue(ca, "expired", names=names, start="20200101000000Z", end="20210101000000Z"),
    )


def server_context(pair: Pair, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(pair.certificate, pair.key)
    return context


async def handshakes(
    pair: Pair, tls: TlsOptions, host: str = "127.0.0.1", **options: ssl.TLSVersion
) -> RoundResult:
    async with tcp_server(silent, host, ssl=server_context(pair, **options)) as port:
        return await measure(probe(ProbeType.TCP, port=port, options=TcpOptions(tls=tls)), host)


@pytest.mark.parametrize("host", LOOPBACK)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_trusted_certificate_is_an_answer_and_its_end_is_reported(
    certificates: Certificates, host: str, version: ssl.TLSVersion
) -> None:
    result = await handshakes(
        certificates.good, TlsOptions(ca_file=str(certificates.ca)), host, version=version
    )
    assert (result.received, result.losses) == (3, {})
    assert expiry_of(result) == END_SECONDS


async def test_the_certificate_must_bear_the_name_of_the_target(certificates: Certificates) -> None:
    tls = TlsOptions(ca_file=str(certificates.ca))
    async with tcp_server(silent, ssl=server_context(certificates.good)) as port:
        planned = probe(ProbeType.TCP, port=port, options=TcpOptions(tls=tls))
        with prober(find=lambda name: ["127.0.0.1"]) as made:
            (good,) = await made.round(check_of(planned, target="far.example"))
        with prober(find=lambda name: ["127.0.0.1"]) as made:
            (bad,) = await made.round(check_of(planned, target="other.example"))
    assert good.received == 3
    assert bad.losses == {LossReason.TLS_FAILED: 3}


@pytest.mark.parametrize(
    ("server_name", "received"), [("far.example", 3), ("far.example.", 3), ("other.example", 0)]
)
async def test_the_server_name_of_the_plan_is_what_counts(
    certificates: Certificates, server_name: str, received: int
) -> None:
    tls = TlsOptions(ca_file=str(certificates.ca), server_name=server_name)
    assert (await handshakes(certificates.good, tls)).received == received


@pytest.mark.parametrize(("strict", "received"), [(False, 3), (True, 0)])
async def test_the_strict_profile_is_asked_for_where_the_plan_says_so(
    certificates: Certificates, strict: bool, received: int
) -> None:
    # The test authority says nothing of its key's usage, as that of AWS EKS.
    tls = TlsOptions(ca_file=str(certificates.ca), strict=strict)
    assert (await handshakes(certificates.good, tls)).received == received


async def test_an_authority_that_is_not_trusted_fails_and_the_end_is_reported_nevertheless(
    certificates: Certificates,
) -> None:
    result = await handshakes(certificates.good, TlsOptions(ca_file=str(certificates.stranger)))
    assert result.losses == {LossReason.TLS_FAILED: 3}
    assert expiry_of(result) == END_SECONDS


async def test_a_refused_certificate_is_told_at_once_not_when_it_has_been_looked_at(
    certificates: Certificates,
) -> None:
    connections = 0
    tls = server_context(certificates.good)

    async def handshake_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections == 1:
            await writer.start_tls(tls)
        await silent(reader, writer)

    async with tcp_server(handshake_once) as port:
        options = TcpOptions(tls=TlsOptions(ca_file=str(certificates.stranger)))
        result = await measure(probe(ProbeType.TCP, port=port, count=1, options=options))
    assert result.losses == {LossReason.TLS_FAILED: 1}
    assert result.duration < 4_000_000_000  # the timeout is 5 s


@pytest.mark.parametrize(
    ("end", "expiry"),
    [
        ("99991231235959Z", MAX_EXPIRY),
        ("99991299235959Z", None),
        ("19001231235959Z", 0),
        ("00000001000000Z", None),
    ],
)
@pytest.mark.parametrize("verify", [True, False])
async def test_whatever_a_certificate_says_of_its_end_the_result_can_be_read(
    certificates: Certificates, tmp_path: Path, end: str, expiry: int | None, verify: bool
) -> None:
    der = ssl.PEM_cert_to_DER_cert(certificates.good.certificate.read_text())
    assert der.count(END.encode()) == 1
    odd = Pair(tmp_path / "odd.pem", certificates.good.key)
    odd.certificate.write_text(ssl.DER_cert_to_PEM_cert(der.replace(END.encode(), end.encode())))
    result = await handshakes(odd, TlsOptions(ca_file=str(certificates.ca), verify=verify))
    # On a busy machine the round may be over before a refused certificate has been looked at.
    assert expiry_of(result) in ((expiry, None) if verify else (expiry,))
    assert result.losses == ({LossReason.TLS_FAILED: 3} if verify else {})
    assert result_from_json(json.loads(json.dumps(result_to_json(result)))) == result


async def test_an_expired_certificate_fails_and_says_since_when(certificates: Certificates) -> None:
    result = await handshakes(certificates.expired, TlsOptions(ca_file=str(certificates.ca)))
    assert result.losses == {LossReason.TLS_FAILED: 3}
    assert expiry_of(result) == PAST_END_SECONDS


async def test_without_verification_any_certificate_is_an_answer(certificates: Certificates) -> None:
    result = await handshakes(certificates.expired, TlsOptions(verify=False))
    assert (result.received, expiry_of(result)) == (3, PAST_END_SECONDS)


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    await reader.read()


@pytest.mark.parametrize("behaviour", [babble, hang_up, reset])
async def test_a_far_end_that_speaks_no_tls_fails_the_handshake(behaviour: Handler) -> None:
    async with tcp_server(behaviour) as port:
        result = await measure(probe(ProbeType.TCP, port=port, options=TcpOptions(tls=TlsOptions())))
    assert result.losses == {LossReason.TLS_FAILED: 3}
    assert expiry_of(result) is None


async def test_a_host_without_threads_left_is_no_loss_of_the_path(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none_left(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("ipsecping.net.tls.LARGE_HANDSHAKE", 0)
    monkeypatch.setattr("ipsecping.net.tls.asyncio.to_thread", none_left)
    result = await handshakes(certificates.good, TlsOptions(verify=False))
    assert result.invalid is Invalidity.LOCAL_SEND_FAILED
    assert "this host refuses a thread" in caplog.text


async def test_a_handshake_without_answer_times_out() -> None:
    async with tcp_server(silent) as port:
        planned = probe(ProbeType.TCP, port=port, timeout_ms=100, options=TcpOptions(tls=TlsOptions()))
        result = await measure(planned)
    assert result.losses == {LossReason.TIMEOUT: 3}


async def test_a_client_certificate_is_shown_where_the_server_asks_for_one(
    certificates: Certificates,
) -> None:
    context = server_context(certificates.good, ssl.TLSVersion.TLSv1_2)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificates.ca)
    mine = certificates.good
    bare = TlsOptions(ca_file=str(certificates.ca))
    shown = replace(bare, certificate_file=str(mine.certificate), certificate_key_file=str(mine.key))
    absent = replace(shown, certificate_key_file="/nowhere/tls.key")
    async with tcp_server(silent, ssl=context) as port:
        results = [
            await measure(probe(ProbeType.TCP, port=port, options=TcpOptions(tls=each)))
            for each in (shown, bare, absent)
        ]
    assert [result.received for result in results] == [3, 0, 0]
    assert results[1].losses == {LossReason.TLS_FAILED: 3}
    assert results[2].invalid is Invalidity.KEY_MISSING


async def test_a_client_certificate_that_floods_its_target_is_our_fault(
    certificates: Certificates, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All that is in its file is sent in each handshake, beyond any rate that a check may have."""
    mine, many = certificates.good, tmp_path / "many.pem"
    many.write_text(mine.certificate.read_text() * (MAX_SHOWN // mine.certificate.stat().st_size + 1))
    tls = TlsOptions(certificate_file=str(many), certificate_key_file=str(mine.key))
    result = await measure(probe(ProbeType.TCP, port=1, options=TcpOptions(tls=tls)))
    assert result.invalid is Invalidity.KEY_MISSING
    assert f"{many}: larger than {MAX_SHOWN} bytes" in caplog.text


async def test_a_missing_ca_file_is_our_fault_and_the_log_names_it(caplog: pytest.LogCaptureFixture) -> None:
    tls = TlsOptions(ca_file="/nowhere/ca.pem")
    result = await measure(probe(ProbeType.TCP, port=1, options=TcpOptions(tls=tls)))
    assert result.invalid is Invalidity.KEY_MISSING
    assert "/nowhere/ca.pem: No such file or directory" in caplog.text


async def test_a_ca_file_that_changes_is_read_again(certificates: Certificates, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    shutil.copy(certificates.stranger, file)
    async with tcp_server(silent, ssl=server_context(certificates.good)) as port:
        planned = check_of(
            probe(ProbeType.TCP, port=port, options=TcpOptions(tls=TlsOptions(ca_file=str(file))))
        )
        with prober(find=lookup) as made:
            (before,) = await made.round(planned)
            shutil.copy(certificates.ca, tmp_path / "new.pem")
            (tmp_path / "new.pem").replace(file)
            (after,) = await made.round(planned)
    assert (before.received, after.received) == (0, 3)


async def test_a_ca_file_that_goes_makes_rounds_invalid_until_it_is_back(
    certificates: Certificates, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    shutil.copy(certificates.ca, file)
    async with tcp_server(silent, ssl=server_context(certificates.good)) as port:
        planned = check_of(
            probe(ProbeType.TCP, port=port, options=TcpOptions(tls=TlsOptions(ca_file=str(file))))
        )
        with prober(find=lookup) as made:
            rounds = [*await made.round(planned)]
            file.unlink()
            rounds += await made.round(planned)
            file.write_text("not a certificate")
            rounds += await made.round(planned)
            shutil.copy(certificates.ca, file)
            rounds += await made.round(planned)
    missing = Invalidity.KEY_MISSING
    assert [each.invalid for each in rounds] == [None, missing, missing, None]
    assert [(each.sent, each.received) for each in rounds] == [(3, 3), (0, 0), (0, 0), (3, 3)]
