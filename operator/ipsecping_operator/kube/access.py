"""Credentials: the pod's service account, or a kubeconfig outside a cluster."""

import logging
import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import SERVICE_TOKEN_FILENAME, load_incluster_config
from kubernetes.aio.config.kube_config import load_kube_config

from ipsecping.tls_client import client_context
from ipsecping_operator.bounded_yaml import UnreadableYaml, documents, read_text

from .kubeconfig_token import KubeconfigToken

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


_log = logging.getLogger(__name__)


class AccessError(Exception):
    """There are no usable credentials; the message says what to give."""


TOKEN_SECONDS = 60.0
"""How often the token's file is looked at."""


class TokenFile:
    """The service account's token, which the kubelet renews.

    The Kubernetes client would look at it by the wall clock: not for hours after that was set back, while the
    token expires.
    """

    def __init__(self, file: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._read_at = clock()

    def refresh(self, configuration: Configuration) -> None:
        """Give the configuration the token as it is now; the one before where there is none to be read."""
        now = self._clock()
        if now - self._read_at < TOKEN_SECONDS:
            return
        try:
            token = self._file.read_text().strip()
        except OSError:
            return
        if token:
            configuration.api_key["BearerToken"] = f"bearer {token}"
            self._read_at = now


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the API server: for both of the operator's clients, its own and Kopf's."""

    configuration: Configuration
    tls: ssl.SSLContext


async def load(kubeconfig: Path | None, context: str | None, *, tls_strict: bool = False) -> Access:
    """Read connection settings from the kubeconfig, or from the pod's service account when None.

    The service account's server is `KUBERNETES_SERVICE_HOST`, which needs no cluster DNS. Tokens are read
    again from their file as they rotate, and got anew from an exec plugin before they end.
    `tls_strict` asks the strict profile of RFC 5280 of the API server's certificates. Raises AccessError.
    """
    configuration = Configuration()
    try:
        if kubeconfig is not None:
            await _load_kubeconfig(str(kubeconfig), context, configuration)
        elif "KUBERNETES_SERVICE_HOST" in os.environ:
            load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration, try_refresh_token=False
            )
            configuration.refresh_api_key_hook = TokenFile(Path(SERVICE_TOKEN_FILENAME)).refresh  # type: ignore[assignment]
        else:
            raise AccessError("not in a cluster (KUBERNETES_SERVICE_HOST is unset): give --kubeconfig FILE")
        tls = client_context(
            ca_file=configuration.ssl_ca_cert,
            ca_data=configuration.ca_cert_data,
            certificate=configuration.cert_file,
            key=configuration.key_file,
            verify=configuration.verify_ssl,
            strict=tls_strict,
        )
    except (ConfigException, UnreadableYaml, OSError) as error:
        source = kubeconfig or "the pod's service account"
        raise AccessError(f"no credentials from {source}: {error}") from error
    # Looked up here once; left to the session, it would cost each request two switches of threads.
    configuration.proxy = configuration.proxy or _proxy_of_environment(configuration.host)
    if configuration.proxy and not _is_url(configuration.proxy):
        # It may hold a password.
        raise AccessError(
            "the API server's proxy (proxy-url in the kubeconfig, HTTPS_PROXY) is not an http or https URL"
        )
    configuration.client_session_kwargs = {"trust_env": False}
    return Access(configuration, tls)


async def _load_kubeconfig(files: str, context: str | None, configuration: Configuration) -> None:
    """Read a kubeconfig, or several as $KUBECONFIG names them: those that are there, the first one first.

    Raises ConfigException, UnreadableYaml and OSError.
    """
    for path in _there(files):
        # The client reads whatever is there, of any size, and fails in as many ways.
        found = [each for each in documents(read_text(path)) if each is not None]
        if len(found) != 1 or not isinstance(found[0], dict):
            raise ConfigException("it is no kubeconfig, which is one YAML object (kind: Config)")
    try:
        loader = await load_kube_config(  # type: ignore[no-untyped-call]
            config_file=files, context=context, client_configuration=configuration, persist_config=False
        )
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # Of what is no list, no object or no base64; it may quote a secret.
        raise ConfigException(
            f"its clusters, contexts or users are malformed ({type(error).__name__})"
        ) from None
    if "BearerToken" in configuration.api_key:
        configuration.refresh_api_key_hook = KubeconfigToken(loader).refresh  # type: ignore[assignment]
    elif configuration.cert_file and "exec" in (loader._user or ()):
        _log.warning(
            "the kubeconfig's plugin has handed out a client certificate, which is not renewed: restart the "
            "operator before it ends, or have the plugin hand out tokens"
        )


def _there(files: str) -> list[str]:
    """Which of the files are there. Raises ConfigException where none is."""
    try:
        there = [str(path) for each in files.split(os.pathsep) if (path := Path(each).expanduser()).exists()]
    except OSError as error:  # as of a name that is too long
        raise ConfigException(error.strerror) from None
    if not there:
        raise ConfigException("there is no such file")
    return there


def own_namespace() -> str | None:
    """The namespace of the pod that this runs in; None outside a cluster."""
    try:
        return NAMESPACE_FILE.read_text().strip() or None
    except OSError:
        return None


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = parts.hostname if parts.port is None or parts.port else None
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and text.isascii()


def _proxy_of_environment(url: str) -> str | None:
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
