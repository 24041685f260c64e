"""The metrics that the documents name are those that the reflector has."""

import re
from pathlib import Path

from ipsecping.host.key_file import KeyFile
from ipsecping.reflector.admission import Admission
from ipsecping.reflector.keys import KeyRing
from ipsecping.reflector.metrics import ReflectorCollector
from ipsecping.reflector.sessions import SessionTable
from ipsecping.serving.server import Server

from ...docs.documents import documents


def test_every_metric_that_a_document_names_is_there_and_none_is_missing(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"hex:{'ab' * 32}\n")
    collector = ReflectorCollector(
        datagram=[],
        tcp=[],
        sessions=SessionTable(),
        admission=Admission(allow=[], rate=10, total_rate=10),
        keys=KeyRing(KeyFile(tmp_path / "keys")),
        http=Server({}),
    )
    there = {
        f"{family.name}_total" if family.type == "counter" else family.name for family in collector.collect()
    }
    pages = [page.read_text() for page in documents()]
    named = {name for page in pages for name in re.findall(r"\bipsecping_reflector_[a-z_]*[a-z]\b", page)}
    assert named - there == set()
    assert {name for name in there if name.startswith("ipsecping_reflector_")} - named == {
        "ipsecping_reflector_http_connections"
    }
