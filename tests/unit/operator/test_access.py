"""Credentials for the API server: whom both of the operator's clients trust."""

import asyncio
import base64
import json
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from kubernetes.aio.client.configuration import Configuration

from ipsecping_operator.kube import access, kubeconfig_token
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import Unreachable
from ipsecping_operator.kube.kopf_session import KopfSession
from ipsecping_operator.observe.kinds import CHECK

from ..field_certificates import CA_BASICS, CA_USAGE, SAN, SERVER, SKI, Form, Issued, Workshop
from ..handshakes import handshake, server

EKS = Form(extensions=(CA_BASICS,))
LEAF = Form(subject="/CN=kube-apiserver", extensions=(*SERVER, SAN))


def kubeconfig(folder: Path, **cluster: Any) -> Path:
    file = folder / "kubeconfig"
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443", **cluster}}],
                "users": [{"name": "u", "user": {"token": "secret"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            }
        )
    )
    return file


async def of_both_clients(made: access.Access) -> list[ssl.SSLContext]:
    """The contexts of the operator's own client and of Kopf."""
    client = KubeClient(made)
    await client.close()
    context = client._transport.rest.ssl_context
    assert isinstance(context, ssl.SSLContext)
    return [context, KopfSession(made).tls]


async def test_a_service_accounts_token_is_read_anew_whatever_becomes_of_the_wall_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady = 1000.0
    folder = tmp_path / "account"
    folder.mkdir()
    token, ca = folder / "token", folder / "ca.crt"
    token.write_text("first")
    ca.write_text("of no matter here")
    monkeypatch.setattr(access, "client_context", lambda **_: ssl.create_default_context())
    loader = "kubernetes.aio.config.incluster_config"
    monkeypatch.setattr(f"{loader}.SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(f"{loader}.SERVICE_CERT_FILENAME", str(ca))
    monkeypatch.setattr(access, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(access.TokenFile.__init__, "__kwdefaults__", {"clock": lambda: steady})
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "192.0.2.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    made = (await access.load(None, None)).configuration

    async def shown() -> str | None:
        return await made.get_api_key_with_prefix("BearerToken")

    assert await shown() == "bearer first"
    token.write_text("second\n")
    assert await shown() == "bearer first"
    steady += access.TOKEN_SECONDS
    assert await shown() == "bearer second"
    steady += access.TOKEN_SECONDS
    token.unlink()
    assert await shown() == "bearer second"
    token.write_text("")
    assert await shown() == "bearer second"
    token.write_text("third")
    assert await shown() == "bearer third"


PASSWORD = "hunter2-of-the-proxy"


class Plugin:
    """An exec plugin, as kubectl runs one, and the clocks by which its tokens last."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **user: Any) -> None:
        self._answer, self._ran = folder / "answer", folder / "ran"
        self.steady, self.wall = 1000.0, 1_700_000_000.0
        clocks = {"clock": lambda: self.steady, "wall": lambda: self.wall}
        monkeypatch.setattr(kubeconfig_token.KubeconfigToken.__init__, "__kwdefaults__", clocks)
        script = folder / "plugin"
        script.write_text(f'#!/bin/sh\necho x >> "{self._ran}"\ncat "{self._answer}"\n')
        script.chmod(0o755)
        self.version = "client.authentication.k8s.io/v1"
        self.file = kubeconfig(folder)
        content = json.loads(self.file.read_text())
        content["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
        plugin = {"apiVersion": self.version, "command": str(script)}
        content["users"][0]["user"] = user or {"exec": plugin}
        self.file.write_text(json.dumps(content))

    def hands_out(self, token: str, *, seconds: float | None) -> None:
        status = {"token": token}
        if seconds is not None:
            ends = datetime.fromtimestamp(self.wall + seconds, tz=UTC)
            status["expirationTimestamp"] = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = {"apiVersion": self.version, "kind": "ExecCredential", "status": status}
        self._answer.write_text(json.dumps(answer))

    def hands_out_certificate(self, certificate: str, key: str) -> None:
        status = {"clientCertificateData": certificate, "clientKeyData": key}
        answer = {"apiVersion": self.version, "kind": "ExecCredential", "status": status}
        self._answer.write_text(json.dumps(answer))

    def fails(self) -> None:
        self._answer.unlink()

    @property
    def runs(self) -> int:
        return len(self._ran.read_text().splitlines())


async def token_of(made: access.Access) -> str | None:
    """What is sent once a token that is being renewed is there."""
    await made.configuration.get_api_key_with_prefix("BearerToken")
    renewing = [task for task in asyncio.all_tasks() if task.get_name() == "token"]
    await asyncio.gather(*renewing)
    return await made.configuration.get_api_key_with_prefix("BearerToken")


@pytest.mark.parametrize("set_back", [0.0, 86_400.0])
async def test_the_token_of_an_exec_plugin_is_renewed_before_it_ends_whatever_the_wall_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_back: float
) -> None:
    plugin = Plugin(tmp_path, monkeypatch)
    plugin.hands_out("first", seconds=900)
    made = await access.load(plugin.file, None)
    plugin.steady += 600
    assert await token_of(made) == "Bearer first"
    assert plugin.runs == 1
    plugin.wall -= set_back
    plugin.steady += 100
    plugin.hands_out("second", seconds=900)
    assert await token_of(made) == "Bearer second"
    plugin.steady += 1000
    plugin.hands_out("third", seconds=900)
    sent = await made.configuration.get_api_key_with_prefix("BearerToken")
    assert sent == "Bearer third", "what has ended is not sent"


async def test_a_plugin_that_fails_is_asked_again_and_the_token_before_is_sent_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = Plugin(tmp_path, monkeypatch)
    plugin.hands_out("first", seconds=900)
    made = await access.load(plugin.file, None)
    plugin.fails()
    plugin.steady += 700
    assert await token_of(made) == "Bearer first"
    assert await token_of(made) == "Bearer first"
    assert plugin.runs == 2, "not for each request"
    plugin.steady += kubeconfig_token.FILE_SECONDS
    plugin.hands_out("second", seconds=None)
    assert await token_of(made) == "Bearer second"


async def test_a_token_without_an_end_and_one_in_a_file_are_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = Plugin(tmp_path, monkeypatch)
    plugin.hands_out("first", seconds=None)
    made = await access.load(plugin.file, None)
    plugin.hands_out("second", seconds=None)
    plugin.steady += kubeconfig_token.UNSAID
    assert await token_of(made) == "Bearer second"
    file = tmp_path / "token"
    file.write_text("of a file")
    named = Plugin(tmp_path, monkeypatch, tokenFile=str(file))
    made = await access.load(named.file, None)
    assert await token_of(made) == "Bearer of a file"
    file.write_text("another")
    named.steady += kubeconfig_token.FILE_SECONDS
    assert await token_of(made) == "Bearer another"


async def test_no_error_tells_the_password_of_a_proxy(tmp_path: Path) -> None:
    """One that refuses it; one that lets nobody through; one that is away; some that repeat what they got."""
    asked = list[bytes]()
    refuses, endless = b"HTTP/1.1 407 SHOWN\r\n\r\n", b"HTTP/1.1 407 " + 9000 * b"x"
    says: dict[bytes | None, str] = {
        refuses: "the proxy answered 407 Proxy Authentication Required",
        endless: "what was answered, by the server or a proxy, is not HTTP",
    }

    def answers(text: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            shown = next(line for line in asked[-1].split(b"\r\n") if b"Basic" in line)
            writer.write(text.replace(b"ALL", asked[-1]).replace(b"SHOWN", shown))
            await writer.drain()
            writer.close()

        return proxy

    for text in (
        refuses,
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"ALL",
        b"HTTP/1.1 200 OK\r\n SHOWN\r\n\r\n",
        b"HTTP/1.1 200 SHOWN\r\nX: y\r\nX",
        endless,
        None,
    ):
        listening = await asyncio.start_server(answers(text or b""), "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        if text is None:
            listening.close()
        made = await access.load(
            kubeconfig(tmp_path, **{"proxy-url": f"http://me:{PASSWORD}@127.0.0.1:{port}"}), None
        )
        client = KubeClient(made)
        with pytest.raises(Unreachable) as error:
            await client.exists(CHECK)
        await client.close()
        async with KopfSession(made).aiohttp_session as session:
            with pytest.raises(aiohttp.ClientConnectionError) as of_kopf:
                await session.get("https://127.0.0.1:6443/")
        listening.close()
        for each in (error.value, of_kopf.value):
            told = f"{each} {each!r}"
            assert PASSWORD not in told
            assert base64.b64encode(f"me:{PASSWORD}".encode()).decode() not in told
            assert text not in says or says[text] in told
    assert all(b"Proxy-Authorization: Basic" in each for each in asked)


@pytest.mark.parametrize(
    "url",
    [f"http://me:{PASSWORD}/x@proxy:3128", f"ftp://me:{PASSWORD}@proxy", f"me:{PASSWORD}@proxy", "http://"],
)
async def test_a_proxy_that_is_no_url_is_refused_and_its_password_is_not_repeated(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(access.AccessError, match="is not an http or https URL") as error:
        await access.load(kubeconfig(tmp_path, **{"proxy-url": url}), None)
    assert PASSWORD not in str(error.value)


@pytest.fixture(scope="module")
def eks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Issued, Issued]:
    """An authority with basic constraints alone, and a server without key identifiers."""
    workshop = Workshop(tmp_path_factory.mktemp("eks"))
    ca = workshop.root(EKS)
    return ca, workshop.signed(LEAF, ca)


@pytest.mark.parametrize(("strict", "said"), [(False, None), (True, "Missing Authority Key Identifier")])
async def test_both_clients_trust_an_authority_as_that_of_eks_unless_told_to_be_strict(
    tmp_path: Path, eks: tuple[Issued, Issued], strict: bool, said: str | None
) -> None:
    ca, leaf = eks
    file = kubeconfig(tmp_path, **{"certificate-authority": str(ca.certificate)})
    for context in await of_both_clients(await access.load(file, None, tls_strict=strict)):
        assert handshake(context, server(leaf.certificate, leaf.key), "127.0.0.1") == said


async def test_a_plugin_that_hands_out_a_certificate_is_said_not_to_be_asked_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    eks: tuple[Issued, Issued],
) -> None:
    plugin = Plugin(tmp_path, monkeypatch)
    plugin.hands_out("a token", seconds=None)
    await access.load(plugin.file, None)
    assert "certificate" not in caplog.text
    _, issued = eks
    plugin.hands_out_certificate(issued.certificate.read_text(), issued.key.read_text())
    await access.load(plugin.file, None)
    assert "a client certificate, which is not renewed: restart the operator before it ends" in caplog.text


async def test_neither_trusts_a_stranger_or_another_name(tmp_path: Path, eks: tuple[Issued, Issued]) -> None:
    ca, leaf = eks
    workshop = Workshop(tmp_path)
    other = workshop.signed(LEAF, workshop.root(Form(subject="/CN=x", extensions=(CA_BASICS, CA_USAGE, SKI))))
    file = kubeconfig(tmp_path, **{"certificate-authority": str(ca.certificate)})
    for context in await of_both_clients(await access.load(file, None)):
        assert handshake(context, server(other.certificate, other.key)) is not None
        assert "mismatch" in str(handshake(context, server(leaf.certificate, leaf.key), "10.0.0.1"))


async def test_a_cluster_that_says_so_is_not_verified(tmp_path: Path, eks: tuple[Issued, Issued]) -> None:
    _, leaf = eks
    file = kubeconfig(tmp_path, **{"insecure-skip-tls-verify": True})
    for context in await of_both_clients(await access.load(file, None)):
        assert handshake(context, server(leaf.certificate, leaf.key), "10.0.0.1") is None


async def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "ca.crt"
    broken.write_text("nothing")
    file = kubeconfig(tmp_path, **{"certificate-authority": str(broken)})
    with pytest.raises(access.AccessError, match=r"no credentials from .*kubeconfig"):
        await access.load(file, None)


def test_credentials_that_were_refused_are_known_again(tmp_path: Path) -> None:
    """Kopf compares them: with other contexts alone it would try the same token for ever."""
    workshop = Workshop(tmp_path)
    ca = workshop.root(Form(extensions=(CA_BASICS, CA_USAGE, SKI)))
    configuration = Configuration()
    configuration.api_key["BearerToken"] = "Bearer secret"
    contexts = [ssl.create_default_context(cafile=str(ca.certificate)) for _ in range(2)]
    one, two = (KopfSession(access.Access(configuration, context)) for context in contexts)
    assert one == two


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is no kubeconfig"),
        (b"just words", "it is no kubeconfig"),
        (b"[1, 2]", "it is no kubeconfig"),
        (b"a: 1\n---\nb: 2", "it is no kubeconfig"),
        (b"\xff\xfeb\x00i\x00n\x00", "no UTF-8"),
        (b"\x7fELF\0\0\0", "not allowed"),
        (b"a: [", "while parsing"),
        (b"a:\n\tb: 1", "this line by a tab"),
        (b"a: 2026-13-45", "a value that cannot be read"),
        (b"[" * 20_000, "nest"),
        (b"a: &a [*a]", "an alias within what it stands for"),
        (b"a: " + b"9" * 5000, "a number of more than 100 characters"),
        (b"x" * (16 * 1024 * 1024 + 1), "longer than 16 MiB"),
        (b"current-context: a\ncontexts: 5", "malformed"),
        (b"current-context: a\ncontexts: [5]", "malformed"),
        (b"current-context: a\ncontexts: [{name: a, context: 5}]", "malformed"),
        (b"current-context: a", "Expected object with name a"),
    ],
    ids=range(17),
)
async def test_what_is_no_kubeconfig_is_named_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_bytes(content)
    with pytest.raises(access.AccessError) as refused:
        await access.load(file, None)
    assert str(refused.value).startswith(f"no credentials from {file}: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [("/nonexistent/x", "there is no such file"), ("/", "Is a directory"), ("x" * 5000, "long")],
)
async def test_a_kubeconfig_that_is_no_file_is_named(name: str, said: str) -> None:
    with pytest.raises(access.AccessError, match=said):
        await access.load(Path(name), None)


async def test_of_several_kubeconfigs_those_that_are_there_are_read(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path)
    found = await access.load(Path(f"/nonexistent/x:{file}"), None)
    assert found.configuration.host == (await access.load(file, None)).configuration.host
