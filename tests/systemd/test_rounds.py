"""The units that measure under a real systemd, installed with the commands of docs/standalone.md."""

import json
import re

import pytest

from ..docs.documents import block, commands
from .conftest import NEAR
from .machine import Machine
from .sandbox import writable_folders

AGENT = "ipsecping-agent"
TEXTFILE = "/var/lib/prometheus/node-exporter/ipsecping.prom"
PROBED = {"STAMP": 20, "ICMP": 10}
"""Packets of a round."""


@pytest.fixture(scope="module")
def installed(reflector: Machine) -> Machine:
    """With the documented plan, whose target is the reflector here and whose STAMP packets are signed."""
    plan = json.loads(block("standalone.md", "json", behind="## A plan"))
    (check,) = plan["checks"]
    check |= {"target": NEAR, "intervalMs": 1000}
    for probe in check["probes"]:
        probe |= {"spacingMs": 10, "timeoutMs": 20_000}  # a busy machine may stop the guest for a while
    check["probes"][0]["options"] = {"keyFile": "/etc/ipsecping/reflector.keys"}
    reflector.run(f"cat > plan.json <<'EOF'\n{json.dumps(plan)}\nEOF")
    done = ("apt install", "make zipapp")
    reflector.run(commands("standalone.md", behind="## Every minute by systemd", done=done))
    return reflector


def answered(said: str) -> dict[str, int]:
    """Packets by type of probe, from the text format; all that were sent were answered."""
    found: dict[str, dict[str, int]] = {}
    for what, kind, count in re.findall(
        r'^ipsecping_packets_(sent|received)_total\{.*type="(\w+)"\} (\S+)$', said, re.MULTILINE
    ):
        found.setdefault(what, {})[kind] = int(float(count))
    assert found.get("sent") == found.get("received")
    return found.get("sent", {})


def has_grown(said: str, *, since: dict[str, int]) -> bool:
    """Whether each probe has had a valid round since then; a round that the prober spoilt counts nothing."""
    now = answered(said)
    return all(now.get(kind, 0) >= since.get(kind, 0) + count for kind, count in PROBED.items())


def test_the_timer_runs_a_round_a_minute(installed: Machine) -> None:
    """The clock is set to just before the timer's next moment, which saves waiting for it."""
    shown = installed.properties("ipsecping.timer", "ActiveState", "UnitFileState", "NextElapseUSecRealtime")
    assert (shown["ActiveState"], shown["UnitFileState"]) == ("active", "enabled")
    assert installed.attempt(f"cat {TEXTFILE}")[0] != 0
    installed.run(f"date --set '{shown['NextElapseUSecRealtime']} 1 second ago'")
    said = installed.eventually(f"cat {TEXTFILE}", lambda said: "ipsecping_packets_sent_total{" in said)
    assert answered(said).keys() == PROBED.keys()
    installed.eventually(
        "systemctl show ipsecping.service --property=ActiveState", lambda said: "inactive" in said
    )
    ended = installed.properties("ipsecping.service", "Result", "ExecMainStatus")
    assert ended == {"Result": "success", "ExecMainStatus": "0"}
    following = installed.properties("ipsecping.timer", "NextElapseUSecRealtime")
    assert following["NextElapseUSecRealtime"] != shown["NextElapseUSecRealtime"]


def test_counters_go_on_from_run_to_run_and_node_exporter_may_read_them(installed: Machine) -> None:
    before = answered(installed.attempt(f"cat {TEXTFILE}")[1])
    said = installed.eventually(
        f"systemctl start ipsecping.service; cat {TEXTFILE}",
        lambda said: has_grown(said, since=before),
    )
    assert all(count % PROBED[kind] == 0 for kind, count in answered(said).items())
    owner, mode = installed.run(f"stat --format='%U %a' {TEXTFILE}").split()
    assert (owner, mode) == ("ipsecping", "644")


def test_the_drop_in_for_influxdb_hands_the_token_to_the_service_alone(installed: Machine) -> None:
    """Nothing listens where it sends to: the run says so, and has written nothing else."""
    drop_in = block("standalone.md", "ini", behind="For InfluxDB add a drop-in")
    folder = "/etc/systemd/system/ipsecping.service.d"
    installed.run(f"mkdir -p {folder} && cat > {folder}/override.conf <<'EOF'\n{drop_in}EOF")
    installed.run(
        "install -m 0600 /dev/stdin /etc/ipsecping/influx-token <<< secret && systemctl daemon-reload"
    )
    assert installed.attempt("systemctl start ipsecping.service")[0] == 1
    ended = installed.properties("ipsecping.service", "Result", "ExecMainStatus")
    assert ended == {"Result": "exit-code", "ExecMainStatus": "2"}
    said = installed.run("journalctl --unit ipsecping.service --output cat")
    assert "influx: http://127.0.0.1:8086: Connection refused" in said
    assert "secret" not in said
    installed.run(f"rm -r {folder} && systemctl daemon-reload && systemctl reset-failed ipsecping.service")


def test_the_agent_measures_and_is_healthy(installed: Machine) -> None:
    started = commands("standalone.md", behind="## Continuously: the agent", done=())
    assert installed.run(f"{started}\n{get('/healthz')}").endswith("\n\nok\n"), "it answers at once"
    assert 'Status: "measuring 1 path"' in installed.run(f"systemctl status {AGENT}")
    installed.eventually(get("/metrics"), lambda said: has_grown(said, since={}))
    assert installed.run(get("/healthz")).endswith("\n\nok\n")
    assert writable_folders(installed, AGENT) == ["/tmp", "/var/tmp"]


def test_an_agent_tells_of_its_end_also_when_systemd_has_not_asked_for_it(installed: Machine) -> None:
    pid = installed.properties(AGENT, "MainPID")["MainPID"]
    installed.run(f"kill -TERM {pid}")
    installed.eventually(f"systemctl show {AGENT} --property=ActiveState", lambda said: "inactive" in said)
    ended = installed.properties(AGENT, "Result", "ExecMainStatus", "StatusText")
    assert ended == {
        "Result": "success",
        "ExecMainStatus": "0",
        "StatusText": "stopping: running rounds have 5 s to end",
    }


def test_an_agent_without_a_plan_that_it_can_read_does_not_start_and_says_why(installed: Machine) -> None:
    installed.run("cp /etc/ipsecping/plan.json /run/ && echo '{' > /etc/ipsecping/plan.json")
    assert installed.attempt(f"systemctl start {AGENT}")[0] == 1
    assert (
        'Status: "agent: /etc/ipsecping/plan.json: not JSON: '
        in installed.attempt(f"systemctl status {AGENT}")[1]
    )
    installed.run(f"systemctl stop {AGENT} && cp /run/plan.json /etc/ipsecping/")


def get(path: str) -> str:
    """A command that asks the agent by HTTP."""
    return f"exec 3<>/dev/tcp/127.0.0.1/9109; printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
