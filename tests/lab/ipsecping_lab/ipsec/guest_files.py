"""The files that the guest reads, in a world-readable directory: the guest runs unprivileged."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..building import cache
from ..layout import SOURCE, Layout
from . import strongswan, topology

MODULES = """
ipv6 veth xfrm_user esp4 esp6 gcm ctr ghash_generic seqiv echainiv drbg hmac sha512_generic
sch_netem sch_tbf sch_ingress cls_matchall cls_flower act_police act_gact
ip_tables iptable_filter iptable_nat iptable_mangle
ip6_tables ip6table_filter ip6table_nat ip6table_mangle
xt_esp xt_tcpudp xt_multiport xt_u32 xt_length xt_statistic xt_dscp xt_DSCP ipt_REJECT ip6t_REJECT
xt_nat xt_MASQUERADE xt_policy xt_conntrack xt_comment
nf_conntrack nf_conntrack_netlink
"""
_SYSCTLS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv6.conf.all.forwarding": 1,
    # No other host has these addresses: they need not be looked for, for a second, before they are used.
    "net.ipv6.conf.default.accept_dad": 0,
    # as IPv4's: a link that goes down keeps them
    "net.ipv6.conf.all.keep_addr_on_down": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    # ICMP limits would show as loss that nobody injected
    "net.ipv4.icmp_ratelimit": 0,
    "net.ipv6.icmp.ratelimit": 0,
    "net.core.xfrm_acq_expires": 5,
}
_FIRST_SYSCTLS = {
    # it was there before the default above
    f"net.ipv6.conf.{topology.LEFT_DEVICE}.accept_dad": 0,
    # Of all namespaces: on a busy machine the guest stands still for moments, and a reflector's buffer must
    # hold what comes meanwhile, or it shows as loss that nobody injected.
    "net.core.rmem_max": 4 << 20,
}
"""Those of the guest's first namespace besides."""
TRANSIT_CHAINS = {
    "filter": {"FAULTS": "FORWARD", "FAULTS-OUT": "OUTPUT"},
    "nat": {"FAULTS-NAT": "POSTROUTING"},
    "mangle": {"FAULTS-MARK": "FORWARD"},
}
"""In a transit: table to the chains that hold faults, and what built-in chain (and match) leads to each."""
GATEWAY_CHAINS = {"filter": {"FAULTS": "FORWARD", "FAULTS-IN": "INPUT", "FAULTS-OUT": "OUTPUT"}}
"""The same of a gateway."""
FLOW_CHAINS = {
    version: {
        "mangle": {
            "FLOWS-PLAIN": f"PREROUTING ! -d {near.left.ip}",
            "FLOWS-DECRYPTED": f"FORWARD ! -s {near.left.ip}",
        }
    }
    for version, near in topology.NEAR.items()
}
"""On a gateway: the chains that hold the flow counters, by version of IP. No fault ever touches them.

The left gateway's own packets do not count: `fault clear` sends some to see whether a tunnel is back."""
_COPIED = ("init.sh", "agent.py", "udp_echo.py")


def boot_files() -> dict[str, str]:
    """File name under the guest's directory to content."""
    files = {
        "boot/modules": MODULES.replace("\n", " ").strip() + "\n",
        "boot/namespaces": " ".join(topology.NAMESPACES) + "\n",
    }
    for namespace in topology.NAMESPACES:
        files[f"boot/{namespace}.links"] = "\n".join(topology.links(namespace)) + "\n"
        settings = _SYSCTLS | (_FIRST_SYSCTLS if namespace == topology.LEFT else {})
        files[f"boot/{namespace}.sysctl"] = "".join(f"{name}={value}\n" for name, value in settings.items())
    for path in topology.PATHS.values():
        files[f"boot/{path.transit}.routes"] = "\n".join(topology.late_routes(path)) + "\n"
        for version in topology.VERSIONS:
            files[f"boot/{path.transit}.rules{version}"] = chain_rules(chains_of(path.transit))
    for gateway in topology.GATEWAYS:
        for version, chains in FLOW_CHAINS.items():
            files[f"boot/{gateway}.rules{version}"] = chain_rules({**chains, **chains_of(gateway)})
        files[f"{gateway}.strongswan.conf"] = strongswan.daemon(gateway)
        files[f"{gateway}.swanctl.conf"] = strongswan.connections(gateway)
    return files | {name: (SOURCE / "guest" / name).read_text() for name in _COPIED}


def chains_of(namespace: str) -> dict[str, dict[str, str]]:
    """The chains that hold faults in one of the guest's namespaces, as in TRANSIT_CHAINS."""
    if namespace in topology.GATEWAYS:
        return GATEWAY_CHAINS
    return {} if namespace == topology.FAR else TRANSIT_CHAINS


def chain_rules(tables: dict[str, dict[str, str]]) -> str:
    """Input of iptables-restore that makes the chains, empty."""
    lines = []
    for table, chains in tables.items():
        lines.append(f"*{table}")
        lines += [f":{chain} - [0:0]" for chain in chains]
        lines += [f"-A {hook} -j {chain}" for chain, hook in chains.items()]
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def identity(shim: Path) -> str:
    """A digest of all that the guest is made of."""
    return cache.digest([part for item in sorted(boot_files().items()) for part in item] + [shim])


def write(layout: Layout, shim: Path) -> None:
    """Write the guest's directory afresh."""
    shutil.rmtree(layout.guest, ignore_errors=True)
    layout.guest.mkdir(mode=0o755)
    for name, text in boot_files().items():
        path = layout.guest / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    shutil.copyfile(shim, layout.guest / "xstate_shim.so")
    make_readable(layout.guest)


def make_readable(top: Path) -> None:
    """Let everybody read what is below, whatever the umask was."""
    for path in (top, *top.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.suffix == ".sh" else 0o644)
