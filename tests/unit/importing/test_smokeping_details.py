"""SmokePing's alerts, hosts, paces and files, one by one: what of them a pod can do."""

from pathlib import Path

import pytest

from .imports import imported


@pytest.mark.parametrize(
    ("alert", "thresholds"),
    [
        ("loss ==0%,==0%,==0%,>50%,>50%,>50%", {"window": "3m", "lossPercent": "50"}),
        ("loss >=5%, >=5%", {"window": "2m", "lossPercent": "5"}),
        ("rtt <10,<10,<100,>100,>100,>100", {"window": "3m", "rtt": {"p50": "100ms"}}),
        ("loss ==0%,==100%,==100%", {"downAfter": 2}),
        ("loss ==100%,==100%,==100%", {"downAfter": 3}),
        ("rtt ==U,==U", {"downAfter": 2}),
        ("loss ==0%,==0%,==0%, ==U", None),
        ("loss >0%,*12*,>0%", None),
    ],
)
def test_patterns_of_alerts(
    alert: str, thresholds: dict[str, object] | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, _, pattern = alert.partition(" ")
    text = (
        f"*** Alerts ***\n+a\ntype = {kind}\npattern = {pattern}\n*** Database ***\nstep = 60\npings = 10\n"
        "*** Targets ***\n+ A\nhost = 10.0.0.1\nalerts = a\n"
    )
    found = imported("smokeping", tmp_path, capsys, config=text)
    assert found.spec("a").get("thresholds") == thresholds
    assert found.says("its pattern has no counterpart") is (thresholds is None)


def test_of_the_host_that_smokeping_runs_on_it_is_said_that_no_prober_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "*** Targets ***\n+ A\nhost = localhost\n+ C\nhost = 10.0.0.1\n"
    found = imported("smokeping", tmp_path, capsys, config=text)
    assert set(found.checks) == {"a", "c"}
    assert found.says("Targets/A: target: is whoever asks")


def test_the_address_that_smokeping_sends_from_is_none_of_a_pod(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "*** Targets ***\n+ A\nhost = 10.0.0.1\nsourceaddress = 10.0.0.5\n"
    found = imported("smokeping", tmp_path, capsys, config=text)
    assert found.spec("a")["source"] == {"address": "10.0.0.5"}
    assert found.says("sourceaddress: SmokePing's host has it")


def test_a_packet_that_is_too_small_for_us_is_no_reason_to_leave_the_target_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "*** Probes ***\n+ FPing\npacketsize = 12\n*** Targets ***\n+ A\nhost = 10.0.0.1\n"
    found = imported("smokeping", tmp_path, capsys, config=text)
    assert found.probe("a")["size"] == 16
    assert found.says("Probes/FPing: packetsize: 16 bytes are the least here")


def test_conversations_follow_one_another_as_slowly_as_smokeping_has_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """\
*** Database ***
step = 60
pings = 50
*** Probes ***
+ Curl
urlformat = https://%host%/
follow_redirects = yes
+ TCPPing
+ EchoPingIcmp
waittime = 0.5
*** Targets ***
+ A
host = a.example
probe = Curl
+ B
host = 10.0.0.1
probe = TCPPing
pings = 5
+ C
host = 10.0.0.2
probe = EchoPingIcmp
"""
    found = imported("smokeping", tmp_path, capsys, config=text)  # they are permitted, too
    assert [found.probe(name)["spacing"] for name in "abc"] == ["600ms", "1s", "500ms"]
    assert found.probe("c")["icmp"] == {}


def test_of_files_with_one_name_the_one_that_is_included_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for site in ("fra", "muc"):
        (tmp_path / site).mkdir()
        (tmp_path / site / "Targets").write_text(f"++ gw\nhost = gw.{site}.example\n")
    main = "*** Targets ***\n+ muc\n@include /etc/muc/Targets\n+ fra\n@include /etc/fra/Targets\n"
    found = imported(
        "smokeping",
        tmp_path,
        capsys,
        str(tmp_path / "fra/Targets"),
        str(tmp_path / "muc/Targets"),
        config=main,
    )
    assert {name: found.spec(name)["target"] for name in found.checks} == {
        "muc-gw": "gw.muc.example",
        "fra-gw": "gw.fra.example",
    }
