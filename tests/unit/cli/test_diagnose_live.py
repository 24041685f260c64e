"""`ipsecping diagnose HOST`: what it takes, shows and keeps."""

from pathlib import Path

import pytest

from ipsecping.cli.main import main
from ipsecping.diagnosis import Part, evidence_from_bytes
from ipsecping.diagnosis.evidence import MAX_NETWORKS, HopKind
from ipsecping.net import connected_socket, socket_pool
from ipsecping.net.errors import PingForbidden
from ipsecping.trace import datagrams

from .conftest import Reflector, ipsecping, signed_reflector

MANY = [word for number in range(MAX_NETWORKS + 1) for word in ("--inside", f"10.{number}.0.0/16")]


def test_what_was_measured_is_kept_and_can_be_judged_again(reflector: Reflector, tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    words = ["--stamp", str(reflector.stamp), "--udp-echo", str(reflector.echo), "--evidence", str(file)]
    live = ipsecping("diagnose", "127.0.0.1", *words)
    assert live.returncode in (0, 3), live.stderr  # 3: this machine did not keep time
    assert "diagnose: 0 s: a first look" in live.stderr
    again = ipsecping("diagnose", "--from", str(file))
    assert (again.stdout, again.returncode) == (live.stdout, live.returncode)
    evidence = evidence_from_bytes(file.read_bytes())
    assert {"STAMP", "UDPEcho"} <= {batch.type for batch in evidence.batches}
    assert evidence.not_tested[Part.IKE] == "--gateway was not given"


def test_a_reflector_that_answers_signed_packets_alone(tmp_path: Path) -> None:
    """Trains, the trace and the search for the path MTU are all signed."""
    keys, file = tmp_path / "keys", tmp_path / "evidence.json"
    keys.write_text("hex:" + "0f" * 16)
    keys.chmod(0o600)
    with signed_reflector(keys) as port:
        words = ["--stamp", str(port), "--key-file", str(keys), "--evidence", str(file)]
        ipsecping("diagnose", "127.0.0.1", *words)
    evidence = evidence_from_bytes(file.read_bytes())
    assert sum(batch.answered for batch in evidence.batches if batch.type == "STAMP") > 50
    assert evidence.path_mtu is not None
    assert evidence.hops is not None
    assert [hop.kind for hop in evidence.hops if hop.type == "STAMP"] == [HopKind.REACHED]


def test_a_user_who_may_not_ping_is_told_why_and_what_helps(
    reflector: Reflector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise PingForbidden

    for module in (connected_socket, socket_pool, datagrams):
        monkeypatch.setattr(module, "open_echo", refused)
    main(["diagnose", "127.0.0.1", "--stamp", str(reflector.stamp), "--near-inside", "127.0.0.9"])
    said = capsys.readouterr()
    assert said.err.count("ping_group_range") == 1
    assert "* Nothing is known of our gateway's inside address (127.0.0.9): ICMP needs" in " ".join(
        said.out.split()
    )
    assert said.out.count("ping_group_range") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name a HOST to measure, or --from FILE to judge; one of the two"),
        (["127.0.0.1", "--from", "x"], "name a HOST to measure, or --from FILE to judge; one of the two"),
        (["--from", "x", "--tcp", "443"], "--tcp is for measuring, and goes with HOST"),
        (["--from", "x", "--underlay", "192.0.2.0/24"], "--underlay is for measuring, and goes with HOST"),
        (["127.0.0.1", "--gateway", "vpn.example"], "'vpn.example' is not an IPv4 or IPv6 address"),
        (["127.0.0.1", "--stamp", "0"], "'0' is not a port"),
        (["127.0.0.1", "--key-file", "/no/such/file"], "diagnose: key file /no/such/file: No such file"),
        (["127.0.0.1", "--gateway", "::1", "--far-inside", "0::1"], "are the same address"),
        (["127.0.0.1", "--far-inside", "127.0.0.1"], "is the target and cannot be a control of itself"),
        (["127.0.0.1", "--evidence", "/no/such/folder/file"], "No such file or directory"),
        (["127.0.0.1", *MANY], f"--inside: at most {MAX_NETWORKS} networks"),
    ],
)
def test_wrong_usage(words: list[str], said: str) -> None:
    done = ipsecping("diagnose", *words)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert not done.stdout
