"""SmokePing's configuration as checks: what each target becomes, and what is named."""

import tracemalloc
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping_operator.importing import outcome
from ipsecping_operator.importing.outcome import CannotImport, Outcome, to_yaml
from ipsecping_operator.importing.smokeping import import_smokeping

from .imports import Imported, imported

CONFIGURATION = """\
*** General ***
owner = Somebody
cgiurl = http://monitor.example/smokeping.cgi

*** Alerts ***
to = noc@example.org

+lossy
type = loss
pattern = >20%,>20%,>20%
comment = loss three times in a row

+slow
type = rtt
pattern = >80, >80

+wavering
type = loss
pattern = >0%,*12*,>0%,*12*,>0%

*** Database ***
step = 60
pings = 10
AVERAGE 0.5 1 1008
MAX     0.5 1 1008

*** Probes ***
+ FPing
binary = /usr/bin/fping
++ FPingLarge
packetsize = 1000
hostinterval = 0.5
tos = 0xb8
+ AnotherDNS
lookup = www.example.org  # asked of each server
+ Curl
urlformat = https://%host%/health
+ TCPPing
+ Radius

*** Targets ***
probe = FPing
menu = Top

+ Office
menu = Office
title = The office
alerts = lossy,slow wavering

++ Router
title = Router \\
        of the office
host = 10.1.0.1

++ Far
host = FD00::1
probe = FPingLarge
slaves = boomer

++ Names
host = ns.example.org
probe = AnotherDNS
recordtype = mx
protocol = tcp

++ Shop
host = Shop.Example.org
probe = Curl
extraargs = --user me:hunter2
++ Database
host = db.example.org
probe = TCPPing
port = 5432
pings = 3
++ Login
host = radius.example.org
probe = Radius
++ Home
host = DYNAMIC
++ Both
host = /Office/Router /Office/Far
"""


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Imported:
    """CONFIGURATION, imported."""
    return imported("smokeping", tmp_path, capsys, "--namespace", "network", config=CONFIGURATION)


def test_each_target_with_a_host_is_a_check(office: Imported) -> None:
    assert set(office.checks) == {
        "office-router",
        "office-far",
        "office-names",
        "office-shop",
        "office-database",
    }
    assert {each["metadata"]["namespace"] for each in office.checks.values()} == {"network"}
    assert "# Targets/Office/Router: Router of the office\n" in office.text


def test_rounds_and_limits_are_those_of_database_and_alerts(office: Imported) -> None:
    assert office.spec("office-router") == {
        "target": "10.1.0.1",
        "schedule": {"interval": "1m"},
        "probes": [{"name": "icmp", "count": 10, "icmp": {}}],
        "thresholds": {"window": "3m", "lossPercent": "20", "rtt": {"p50": "80ms"}},
    }
    assert office.says("Targets/Office", "wavering: its pattern has no counterpart")
    assert office.says("Alerts/lossy: comment")


def test_the_note_of_an_alert_names_the_window_that_the_check_has(office: Imported) -> None:
    assert office.says("Alerts/lossy: judged over a window of 3m")
    assert office.says("Alerts/slow: judged over a window of 3m")


def test_two_limits_of_one_kind_are_not_made_one_in_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CONFIGURATION.replace("pattern = >0%,*12*,>0%,*12*,>0%", "pattern = >50%,>50%")
    done = imported("smokeping", tmp_path, capsys, config=text)
    assert done.spec("office-router")["thresholds"]["lossPercent"] == "20"
    assert done.says("Targets/Office", "wavering: an alert before it has set thresholds.lossPercent")


def test_a_namespace_that_none_can_have_is_told_by_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        imported("smokeping", tmp_path, capsys, "--namespace", "Bad NS", config=CONFIGURATION)
    assert "--namespace: 'Bad NS' is no name of a namespace" in capsys.readouterr().err


def test_options_of_a_probe_come_from_where_it_is_defined(office: Imported) -> None:
    far = office.probe("office-far")
    assert far == {
        "name": "icmp",
        "count": 10,
        "size": 1000,
        "spacing": "500ms",
        "dscp": 46,
        "icmp": {},
    }
    assert office.spec("office-far")["target"] == "fd00::1"


def test_other_probes_have_their_own_fields(office: Imported) -> None:
    names = office.probe("office-names")["dns"]
    assert names == {"query": "www.example.org", "recordType": "MX", "transport": "TCP"}
    assert office.probe("office-shop")["http"] == {"url": "https://shop.example.org/health"}
    database = office.probe("office-database")
    assert (database["tcp"], database["count"]) == ({"port": 5432}, 3)


def test_what_is_left_behind_is_named_on_the_terminal_and_in_the_file(office: Imported) -> None:
    for of_the_file in (
        "General: owner, cgiurl",
        "Alerts: to",
        "Database: 2 archives of the past",
        "Probes/FPing: binary",
        "Targets/Office/Login: not imported: the probe Radius has no counterpart",
        "Targets/Office/Home: host = DYNAMIC",
        "Targets/Office/Both: host = /Office/Router /Office/Far",
    ):
        assert office.says(f"not carried over: {of_the_file}"), of_the_file
        assert f"\n# Not carried over: {of_the_file}" in office.text.partition("---")[0]
    for check, said in (
        ("Far", "slaves: measured from other hosts"),
        ("Shop", "extraargs: arguments of curl are not read"),
        ("Shop", "probe: counts an answer of any status"),
    ):
        assert office.says(f"Targets/Office/{check}: {said}")
        comments = office.text.partition(f"# Targets/Office/{check}\n")[2].partition("apiVersion")[0]
        assert f"# Not carried over: {said}" in comments


def test_nothing_that_may_be_a_password_is_shown(office: Imported) -> None:
    assert "hunter2" not in office.text + "".join(office.notes)


def test_an_included_file_is_read_in_its_place_where_it_is_given_and_named_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = "@include /etc/smokeping/config.d/Targets\n*** Probes ***\n@include 'Missing'\n+ FPing\n"
    targets = "*** Targets ***\nprobe = FPing\n@include Site\n"
    site = "+ Site\nhost = 10.0.0.1\n"
    found = imported("smokeping", tmp_path, capsys, Site=site, Targets=targets, config=main)
    assert found.spec("site")["target"] == "10.0.0.1"
    assert found.says("config line 3: @include Missing: not read; name the file")
    alone = imported("smokeping", tmp_path, capsys, config=main)
    assert alone.status == 1
    assert alone.says("@include /etc/smokeping/config.d/Targets: not read")
    assert alone.says("no target is left to be measured")


def test_files_that_include_one_another_are_each_read_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = "*** Targets ***\n@include second\n+ A\nhost = 10.0.0.1\n"
    second = "@include first\n+ B\nhost = 10.0.0.2\n"
    found = imported("smokeping", tmp_path, capsys, first=first, second=second)
    assert set(found.checks) == {"a", "b"}


def test_definitions_are_substituted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "@define SITE example.org\n*** Targets ***\n+ A\nhost = www.SITE\n"
    assert imported("smokeping", tmp_path, capsys, config=text).spec("a")["target"] == "www.example.org"


def test_files_of_other_systems_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "\ufeff*** Targets ***\r\n+ A\r\nhost = 10.0.0.1\r\n"
    assert imported("smokeping", tmp_path, capsys, config=text).spec("a")["target"] == "10.0.0.1"


def test_names_are_told_apart_and_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["a_b", "A.B", "日本", "x" * 300]
    text = "*** Targets ***\n" + "".join(f"+ {name}\nhost = 10.0.0.1\n" for name in names)
    found = imported("smokeping", tmp_path, capsys, config=text)
    assert {"a-b", "a-b-2"} < set(found.checks)
    assert len(found.checks) == 4
    assert max(map(len, found.checks)) <= 52


def test_a_check_that_our_rules_refuse_is_named_with_the_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "*** Targets ***\n+ A\nhost = not a host\n+ B\nhost = 10.0.0.1\n"
    found = imported("smokeping", tmp_path, capsys, config=text)
    assert set(found.checks) == {"b"}
    assert found.says("Targets/A: not imported: spec.target: must be")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host = 10.0.0.1", "config line 1: stands in no section: this is no configuration of SmokePing"),
        ("*** Targets ***\n++ A\n", "line 2: 'A' is deeper than one level below the section before it"),
        ("*** T ***\na = " + "x" * 9000, "line 2: longer than 8192 characters"),
        ("@define A " + "A" * 5000 + "\n*** T ***\nb = A A", "longer than 8192 characters with its definit"),
        ("*** T ***\n" + "".join(f"{'+' * n} a\n" for n in range(1, 40)), "more than 32 sections within"),
        ("\n".join(f"@define A{n} b" for n in range(21)), "more than 20 definitions"),
        ("#" * (4 * 1024 * 1024 + 1), "config: more than 4 Mi characters in all files"),
        ("*** Targets ***\n" + "+ a\nhost = 10.0.0.1\n" * 11, "more than 10 checks: import it in parts"),
        (
            "*** Targets ***\n" + "".join(f"+ a\nhost = /{n}\n" for n in range(30)),
            "more than 20 things cannot",
        ),
    ],
    ids=lambda text: text[:20],
)
def test_hostile_configurations_are_refused(
    text: str,
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outcome, "MAX_CHECKS", 10)
    monkeypatch.setattr(outcome, "MAX_NOTES", 20)
    found = imported("smokeping", tmp_path, capsys, config=text)
    assert found.status == 1
    assert found.says(expected), found.notes


def test_foreign_text_stays_within_its_comment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "*** Targets ***\n+ A\nhost = 10.0.0.1\ntitle = x\x1b[2J\u2028kind: Pod\u0085y\n"
    found = imported("smokeping", tmp_path, capsys, config=text)
    assert set(found.checks) == {"a"}
    assert "\x1b" not in found.text


LINES = st.sampled_from(
    """*** Targets ***
*** Probes ***
*** Alerts ***
*** Database ***
+ A
++ B
+ FPing
host = 10.0.0.1
host = a b
probe = Curl
urlformat = http://%host%
step = 0
pings = 99999
tos = 0xff
timeout = 1e9
timeout = .
hostinterval = 900
packetsize = 0
port = 70000
alerts = A B
type = loss
pattern = >101%
pattern = >1
@include x
@define A \\
\\""".splitlines()
)


@settings(max_examples=50)
@given(st.lists(LINES | st.text(max_size=20), max_size=30))
def test_whatever_is_read_every_check_that_is_written_is_valid(lines: list[str]) -> None:
    found = Outcome()
    try:
        import_smokeping(iter([("config", "*** Targets ***\n" + "\n".join(lines))]), found)
    except CannotImport:
        return
    written = [each for each in yaml.safe_load_all("".join(to_yaml(found, "config"))) if each]
    assert written == [each.manifest for each in found.checks]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("+ a\n" * 20_001, "more than 20000 sections"),
        ("".join(f"v{number} = x\n" for number in range(201)), "line 202: more than 200 options"),
    ],
)
def test_files_that_multiply_are_refused(text: str, said: str) -> None:
    with pytest.raises(CannotImport, match=said):
        import_smokeping(iter([("config", "*** Targets ***\n" + text)]), Outcome())


def test_files_that_include_one_another_deeply_are_refused() -> None:
    chain = ((f"f{number}", f"@include f{number + 1}\n") for number in range(1000))
    with pytest.raises(CannotImport, match="more than 32 files within one another"):
        import_smokeping(chain, Outcome())


def test_options_of_many_probes_take_little_memory() -> None:
    options = "".join(f"v{number} = x\n" for number in range(200))
    probes = "".join(f"++ p{number}\n" for number in range(19_000))
    text = f"*** Probes ***\n+ FPing\n{options}{probes}*** Targets ***\n+ a\nhost = a.example\n"
    tracemalloc.start()
    try:
        import_smokeping(iter([("config", text)]), Outcome())
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


def test_alerts_of_a_target_without_end_are_not_named_for_each_of_thousands() -> None:
    alerts = ",".join(f"a{number}" for number in range(1500))
    text = f"*** Targets ***\nprobe = FPing\n+ a\nhost = a.example\nalerts = {alerts}\n"
    found = Outcome()
    import_smokeping(iter([("config", text)]), found)
    (check,) = found.checks
    assert len(check.notes) == 33
    assert check.notes[0] == "alerts: more than 32: the first of them are looked at"
