"""How several faults become commands, and how they are undone."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ipsecping_lab.errors import LabError
from ipsecping_lab.ipsec import topology
from ipsecping_lab.ipsec.control import Command
from ipsecping_lab.ipsec.faults import transition
from ipsecping_lab.ipsec.faults.effects import policies
from ipsecping_lab.ipsec.faults.model import Fault, read
from ipsecping_lab.ipsec.faults.resources import Kill, OnNode, Start, Step
from ipsecping_lab.ipsec.faults.types import TYPES
from ipsecping_lab.ipsec.responders import KINDS


def faults(*texts: str) -> list[Fault]:
    return [fault for text in texts for fault in read(TYPES, text.split()[0], text.split()[1:], now=0)]


def lines(steps: Sequence[Step]) -> list[str]:
    return [f"{s.namespace}: {' '.join(s.argv)}" for s in steps if isinstance(s, Command)]


def applied(before: list[Fault], after: list[Fault]) -> list[str]:
    return lines(transition.steps(before, after))


def rules(steps: Sequence[Step]) -> str:
    return "".join(step.stdin for step in steps if isinstance(step, Command))


def test_delay_jitter_and_loss_of_a_direction_are_one_netem() -> None:
    commands = applied([], faults("delay a out 40", "jitter a out 5", "loss a out 3"))
    (netem,) = [line for line in commands if "netem" in line]
    assert netem.startswith("ineta: tc qdisc replace dev toright root handle 1: netem")
    assert "delay 40ms 5ms" in netem
    assert "loss random 3%" in netem


def test_setting_loss_changes_the_delaying_queue_in_place() -> None:
    before = faults("delay a out 40")
    commands = applied(before, transition.replaced(before, faults("loss a out 3")))
    assert not [line for line in commands if "qdisc del dev toright root" in line]
    assert any("delay 40ms 0ms loss random 3%" in line for line in commands)


def test_clearing_one_of_two_says_what_is_no_more() -> None:
    both = faults("corrupt a out 10", "delay a out 40")
    (netem,) = [line for line in applied(both, faults("delay a out 40")) if "netem" in line]
    assert "corrupt 0%" in netem


def test_a_fault_on_one_path_and_direction_touches_no_other() -> None:
    commands = applied([], faults("loss b in 3"))
    assert commands
    assert all(line.startswith("inetb:") and "toleft" in line for line in commands)


def test_what_is_in_force_already_needs_no_command() -> None:
    present = faults("delay a both 40", "nat b")
    assert transition.steps(present, present) == []


def test_a_later_value_replaces_the_earlier_one() -> None:
    assert transition.replaced(faults("loss a out 3"), faults("loss a out 5")) == faults("loss a out 5")


def test_jitter_without_a_delay_moves_the_mean_up_instead_of_cutting_it_off() -> None:
    assert any("delay 10ms 10ms" in line for line in applied([], faults("jitter a out 10")))


def test_duplicates_are_made_where_anti_replay_does_not_see_them() -> None:
    commands = applied([], faults("duplicate a both 10"))
    places = {line.split(": ")[0] for line in commands}
    assert places == {"righta", "far"}


def test_of_two_mtus_the_smaller_holds_and_the_other_comes_back() -> None:
    black_hole, small = faults("mtu-blackhole a out 1200"), faults("mtu a out 1400")
    assert any("mtu lock 1200" in line for line in applied(small, small + black_hole))
    after = applied(small + black_hole, small)
    assert any("mtu lock 1400" in line for line in after)
    assert any("route flush cache" in line for line in after), "gateways keep a path MTU for minutes"


def test_dropping_esp_lets_ike_pass_also_behind_a_nat() -> None:
    text = rules(transition.steps([], faults("esp-drop a out")))
    assert "-A FAULTS -i toleft -p esp -j DROP" in text
    assert "--dport 4500 -m u32 ! --u32" in text
    assert "--dport 500 " not in text


def test_two_faults_share_a_chain_and_one_leaves_it_to_the_other() -> None:
    both = faults("esp-drop a out", "ike-drop a out")
    text = rules(transition.steps(both, faults("ike-drop a out")))
    assert "-p esp" not in text
    assert "--dport 500 -j DROP" in text


def test_a_leak_and_a_block_exclude_one_another() -> None:
    with pytest.raises(LabError, match="exclude one another"):
        transition.steps([], faults("leak a", "policy-block a"))


def test_fault_policies_never_have_a_selector_of_strongswan() -> None:
    for path in topology.PATHS:
        for version in topology.VERSIONS:
            for policy in policies(path, version).values():
                assert not {policy.source, policy.destination} & set(topology.LEFT_NETWORKS)


def test_a_fault_of_one_family_leaves_the_other_alone() -> None:
    for family, of, other in (
        ("IPv6", "fd00:10:50:1::/64", "10.50.1.0/24"),
        ("IPv4", "10.50.1.0/24", "fd00:"),
    ):
        for name in ("leak", "policy-block"):
            commands = " ".join(applied([], faults(f"{name} a family={family}")))
            assert of in commands
            assert other not in commands


def test_what_is_done_to_esp_is_done_in_the_version_of_ip_that_carries_it() -> None:
    for name in ("esp-drop c out", "mtu-blackhole c out 1400"):
        commands = applied([], faults(name))
        assert any("ip6tables" in line for line in commands)
        assert not any(" iptables" in line for line in commands)
    assert any("2001:db8:3:2::/64 dev toright" in line for line in applied([], faults("mtu c out 1400")))
    assert "icmpv6-type packet-too-big" in rules(transition.steps([], faults("mtu-blackhole c out 1400")))


def test_an_mtu_that_no_link_of_ipv6_may_have_is_refused() -> None:
    assert transition.steps([], faults("mtu c 1280"))
    with pytest.raises(LabError, match="mtu c out bytes=1279: a link of IPv6 has 1280"):
        transition.steps([], faults("mtu c 1279"))


@pytest.mark.parametrize("fault", ["nat a", "ike-refused a selectors"])
def test_a_tunnel_comes_up_anew_after_every_change_of_what_it_depends_on(fault: str) -> None:
    # Not before: packets that arrive meanwhile would bring it up as it was.
    for before, after in (([], faults(fault)), (faults(fault), [])):
        steps = transition.steps(before, after)
        commands = [f"{line}\n{rules([step])}" for line, step in zip(lines(steps), steps, strict=True)]
        terminate, initiate = (
            next(i for i, line in enumerate(commands) if word in line)
            for word in ("--terminate", "--initiate")
        )
        changed = [i for i, line in enumerate(commands) if "iptables" in line or "--load-all" in line]
        assert changed
        assert max(changed) < terminate < initiate


def test_a_nat_that_comes_or_goes_is_forgotten() -> None:
    for before, after in (([], faults("nat a")), (faults("nat a"), [])):
        commands = applied(before, after)
        assert any("conntrack -F" in line for line in commands)


def test_a_stopped_responder_starts_again() -> None:
    stopped = faults("responder-down b which=stamp")
    assert transition.steps([], stopped) == [Kill("stamp-b")]
    assert transition.steps(stopped, []) == [Start("stamp-b")]


@pytest.mark.parametrize("name", [name for name, kind in TYPES.items() if not kind.momentary])
def test_reset_touches_all_that_a_fault_changes(name: str) -> None:
    """`fault clear` works from any state: what clearing one fault does is part of the reset."""
    kind = TYPES[name]
    values = [
        f"{argument.name}={argument.default or (*argument.choices, str(min(argument.high, 1400)))[0]}"
        for argument in kind.arguments
    ]
    reset = transition.reset(
        [f"{kind}-{path}" for kind in KINDS for path in topology.PATHS], natted=topology.PATHS
    )
    done = {
        (step.namespace, f"{step.argv[0]} {line}") for step in reset if isinstance(step, Command)
        for line in step.stdin.splitlines()
    }  # fmt: skip
    emptied = [(step.namespace, step.argv, step.stdin) for step in reset if isinstance(step, Command)]
    for path in topology.PATHS:
        for resource in transition.configuration(faults(f"{name} {path} {' '.join(values)}")):
            for step in resource.revoke():
                if isinstance(step, Start | OnNode):
                    assert step in reset
                elif isinstance(step, Command) and step.argv == ("sh",):
                    assert any(
                        (other.namespace, other.argv) == (step.namespace, step.argv)
                        and step.stdin in other.stdin
                        for other in reset
                        if isinstance(other, Command)
                    )
                elif isinstance(step, Command) and "tables" in step.argv[0]:
                    assert any(
                        (step.namespace, step.argv) == (namespace, argv)
                        and step.stdin.splitlines()[1] in text
                        for namespace, argv, text in emptied
                    )
                elif isinstance(step, Command):
                    assert (step.namespace, " ".join(step.argv)) in done


def test_every_fault_says_what_it_means_and_what_will_be_seen() -> None:
    for kind in TYPES.values():
        assert kind.meaning
        assert kind.observed


@pytest.mark.parametrize("name", ["sa-key", "encap-differs", "sa-limit", "sa-sequence"])
def test_an_association_is_made_anew_with_its_number_and_what_is_changed_alone(name: str) -> None:
    command, *_ = TYPES[name].once(faults(name)[0])
    assert isinstance(command, Command)
    done = subprocess.run(["sh", "-e"], input=LISTING + command.stdin, capture_output=True, text=True)
    deleted, added = done.stdout.splitlines()
    ends = "src 198.51.100.1 dst 192.0.2.1 proto esp spi 0xc6e1a5cd"
    assert deleted == f"xfrm state delete {ends}"
    assert added.startswith(
        f"xfrm state add {ends} reqid 7 mode tunnel flag af-unspec aead rfc4106(gcm(aes)) 0x"
    )
    assert ("0x0102" in added) is (name != "sa-key")
    assert done.returncode == 0


def test_without_an_association_to_change_the_fault_fails_rather_than_be_none() -> None:
    (command,) = TYPES["sa-key"].once(faults("sa-key")[0])
    assert isinstance(command, Command)
    assert subprocess.run(["sh", "-e"], input=f"ip() {{ :; }}\n{command.stdin}", text=True).returncode


LISTING = r"""
ip() {
  if [ "$3" != list ]; then echo "$@"; else cat <<END
src 198.51.100.1 dst 192.0.2.1
\tproto esp spi 0xc6e1a5cd reqid 7 mode tunnel
\treplay-window 32 flag af-unspec
\taead rfc4106(gcm(aes)) 0x0102030405060708090a0b0c0d0e0f1011121314 128
\tanti-replay context: seq 0x0, oseq 0x0, bitmap 0x00000000
END
  fi
}
sh() { while read -r line; do eval "$line"; done; }
""".replace(r"\t", "\t")


def test_what_is_switched_on_twice_is_undone_first() -> None:
    (step,) = transition.steps([], faults("far-no-forward a"))
    assert isinstance(step, Command)
    assert step.stdin.index("ip_forward=1") < step.stdin.index("ip_forward=0")


def test_what_is_broken_on_the_node_is_done_there_and_undone_whatever_fails() -> None:
    (on,) = transition.steps([], faults("node-route a"))
    (off,) = transition.steps(faults("node-route a"), [])
    assert isinstance(on, OnNode)
    assert isinstance(off, OnNode)
    assert on == OnNode(on.script)
    assert "ip route add unreachable 10.50.1.0/24" in on.script
    assert off == OnNode(off.script, tolerant=True)
    assert "ip route del unreachable 10.50.1.0/24" in off.script


def test_filters_of_packets_that_come_in_share_their_queue() -> None:
    both = faults("policer a out 128", "fragments-drop a out")
    added = applied(faults("policer a out 128"), both)
    assert added[0] == "ineta: tc qdisc del dev toleft ingress"
    assert [line.split("pref ")[1].split()[0] for line in added if "pref" in line] == ["1", "2"]


def test_no_fault_of_ike_keeps_strangers_from_asking() -> None:
    text = rules(transition.steps([], faults("sa-out-lost a")))
    assert all("-s " in line and "-d " in line for line in text.splitlines() if line.startswith("-A"))


@pytest.mark.parametrize(("letter", "length"), [("a", 29), ("c", 49)])
def test_nobody_keeps_a_mapping_that_times_out(letter: str, length: int) -> None:
    """A keep-alive is one octet of UDP (RFC 3948 section 2.3)."""
    text = rules(transition.steps([], faults(f"nat {letter}", f"nat-timeout {letter} seconds=7")))
    assert f"--dport 4500 -m length --length {length} -j DROP" in text
    assert text.count("nf_conntrack_udp_timeout=7 net.netfilter.nf_conntrack_udp_timeout_stream=7") == 1
    assert TYPES["nat-timeout"].needs == "nat"


def test_one_packet_is_lost_and_then_none() -> None:
    text = rules(transition.steps([], faults("loss-once b out after=12")))
    assert text.count("-p esp -m statistic --mode nth --every 1000000 --packet 12 -j DROP") == 1


def test_a_link_that_flaps_is_up_again_with_its_routes() -> None:
    done = lines(TYPES["link-flap"].once(faults("link-flap a ms=250")[0]))
    assert done[:3] == [
        "righta: ip link set wan down",
        "left: sleep 0.25",
        "righta: ip link set wan up",
    ]
    assert sum("ip route replace default" in line for line in done) == len(topology.VERSIONS)


def test_a_full_table_of_connections_is_that_of_the_left_gateway_alone() -> None:
    """They share the limit: more than the others use, and less than what is put into the left one's."""
    (step,) = transition.steps([], faults("conntrack-full b"))
    assert isinstance(step, Command)
    assert step.namespace == topology.LEFT
    assert "seq 512" in step.stdin
    assert "nf_conntrack_max=511" in step.stdin
    (off,) = transition.steps(faults("conntrack-full b"), [])
    assert isinstance(off, Command)
    assert "nf_conntrack_max=$(cat /run/conntrack_max)" in off.stdin


def test_the_clock_goes_back_by_as_much_as_it_was_put_ahead(tmp_path: Path) -> None:
    """To the nanosecond: what is dropped of a second would add up."""
    ahead = faults("clock-ahead a seconds=600")
    told = f'date() {{ if [ "$1" = -d ]; then echo "$2 $3"; else echo "$2" >>{tmp_path}/set; fi; }}\n'
    for step in (*transition.steps([], ahead), *transition.steps(ahead, [])):
        assert isinstance(step, Command)
        script = told + step.stdin.replace("/run/", f"{tmp_path}/")
        subprocess.run(["sh"], input=script, text=True, check=True)
    assert (tmp_path / "set").read_text().splitlines() == ["+600 seconds +@%s.%N", "-600 seconds +@%s.%N"]


def test_each_path_has_a_rule_of_its_own_against_dns() -> None:
    (step,) = transition.steps([], faults("dns-silent c"))
    assert isinstance(step, OnNode)
    assert step.script.count("--dport 53 -m comment --comment path-c -j DROP") == 8
