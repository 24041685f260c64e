"""strongSwan's configuration of each gateway, as pure functions to text."""

from __future__ import annotations

from . import topology
from .control import GUEST, Command
from .topology import PATHS, TunnelPath

IKE_PROPOSAL = "aes128gcm16-prfsha256-x25519"
ESP_PROPOSAL = "aes128gcm16-x25519"
# Nothing secret: these gateways exist only inside the lab.
PRE_SHARED_KEY = "lab-only-psk"
DPD_SECONDS = 10
"""Dead peer detection asks only after so long without any packet from the peer, ESP included."""


def vici(gateway: str) -> str:
    """The control socket of a gateway's charon, inside the guest."""
    return f"/run/{gateway}.vici"


def changed(gateway: str) -> str:
    """Directory of a gateway's changed configuration; swanctl takes private keys from there."""
    return f"/run/{gateway}.changed"


def configuration(gateway: str) -> str:
    """The swanctl.conf of a gateway, inside the guest."""
    return f"{GUEST}/{gateway}.swanctl.conf"


def environment(gateway: str) -> dict[str, str]:
    """For charon and swanctl of that gateway."""
    return {"STRONGSWAN_CONF": f"{GUEST}/{gateway}.strongswan.conf"}


def load_command(gateway: str, file: str) -> str:
    """A line of a shell that has the gateway's charon take its secrets and connections from a file alone."""
    settings = " ".join(f"{name}={value}" for name, value in environment(gateway).items())
    load = "swanctl --load-all --clear --noprompt --uri"
    return f"{settings} {load} unix://{vici(gateway)} --file {file}"


def swanctl(gateway: str, *arguments: str, tolerant: bool = False) -> Command:
    """A swanctl command against that gateway. The socket goes behind the command: swanctl insists."""
    command, *rest = arguments or ("--help",)
    argv = ("swanctl", command, "--uri", f"unix://{vici(gateway)}", *rest)
    return Command(argv, namespace=gateway, tolerant=tolerant, environment=environment(gateway))


def daemon(gateway: str) -> str:
    """strongswan.conf. Short retransmissions, so that a dead peer is noticed within a lab's patience."""
    return f"""charon-systemd {{
  load = random nonce aes sha2 hmac kdf gcm pem openssl kernel-netlink socket-default vici
  threads = 8
  install_routes = no
  install_virtual_ip = no
  dos_protection = no
  retransmit_timeout = 1.0
  retransmit_base = 1.4
  retransmit_tries = 3
  delete_rekeyed_delay = 2
  keep_alive = 10s
  plugins {{
    vici {{
      socket = unix://{vici(gateway)}
    }}
  }}
  journal {{
    default = -1
  }}
  filelog {{
    f {{
      path = /run/{gateway}.charon.log
      time_format = %T
      time_add_ms = yes
      flush_line = yes
      default = 1
      cfg = 0
      ike_name = yes
    }}
  }}
}}
swanctl {{
  load = random
}}
"""


def connections(gateway: str) -> str:
    """swanctl.conf of the gateway."""
    if gateway == topology.LEFT:
        bodies = [_left(path) for path in PATHS.values()]
    else:
        bodies = [_right(path) for path in PATHS.values() if path.right == gateway]
    secret = f'secrets {{\n  ike-lab {{\n    secret = "{PRE_SHARED_KEY}"\n  }}\n}}\n'
    return "connections {\n" + "".join(bodies) + "}\n" + secret


def _left(path: TunnelPath) -> str:
    ends = path.between_gateways
    return _connection(
        path.letter,
        local=(str(ends.left.ip), f"left.{path.letter}.lab", ",".join(topology.LEFT_NETWORKS)),
        remote=(str(ends.right.ip), f"{path.right}.lab", ",".join(path.lan_networks)),
        # the trap keeps traffic from leaving in clear while there is no SA, and asks for one
        actions={"start": "trap|start", "close": "trap", "dpd": "restart"},
    )


def _right(path: TunnelPath) -> str:
    return _connection(
        path.letter,
        local=(str(path.between_gateways.right.ip), f"{path.right}.lab", ",".join(path.lan_networks)),
        remote=("%any", f"left.{path.letter}.lab", ",".join(topology.LEFT_NETWORKS)),
        actions={"start": "none", "close": "none", "dpd": "clear"},
    )


def _connection(
    name: str, *, local: tuple[str, str, str], remote: tuple[str, str, str], actions: dict[str, str]
) -> str:
    (local_address, local_id, local_selectors), (remote_address, remote_id, remote_selectors) = local, remote
    return f"""  {name} {{
    version = 2
    local_addrs = {local_address}
    remote_addrs = {remote_address}
    proposals = {IKE_PROPOSAL}
    dpd_delay = {DPD_SECONDS}s
    keyingtries = 0
    rekey_time = 4h
    mobike = no
    local {{
      auth = psk
      id = {local_id}
    }}
    remote {{
      auth = psk
      id = {remote_id}
    }}
    children {{
      {name} {{
        local_ts = {local_selectors}
        remote_ts = {remote_selectors}
        esp_proposals = {ESP_PROPOSAL}
        mode = tunnel
        rekey_time = 1h
        start_action = {actions["start"]}
        close_action = {actions["close"]}
        dpd_action = {actions["dpd"]}
      }}
    }}
  }}
"""
