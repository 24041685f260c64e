"""Credentials of service accounts."""

from pathlib import Path

import yaml

from ipsecping_lab.apiserver import ApiServer

from ..yaml_text import from_yaml


def with_token(server: ApiServer, token: str, directory: Path) -> Path:
    """A kubeconfig whose only credential is the token."""
    config = from_yaml(server.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path = directory / "account.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
