"""Files of blackbox_exporter and Prometheus that are broken, hostile or huge end in words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping_operator.bounded_yaml import documents
from ipsecping_operator.importing import outcome
from ipsecping_operator.importing.blackbox import import_blackbox
from ipsecping_operator.importing.outcome import CannotImport, Outcome

from .imports import imported


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("groups: []", "no modules: name blackbox_exporter's own configuration too"),
        ("- a", "no modules"),
        ("modules: {a: {prober: icmp}, a: {prober: icmp}}", "the key 'a' appears twice"),
        ("modules: &a {b: *a}", "an alias within what it stands for"),
        ("modules: {a: {prober: http, http: [1]}}\n", "http: is no group of options"),
        ("modules: {a: {prober: 5}, b: 7, c: {prober: [icmp]}}\n", "prober (none) has no counterpart"),
        ("modules: {a: {prober: icmp, icmp: {ttl: x, payload_size: true, y: 1}}}\n", "icmp.ttl: is no int"),
        ("modules: {a: {prober: icmp, timeout: forever}}\n", "timeout: is no duration"),
    ],
)
def test_hostile_or_mistyped_files_end_in_words(
    text: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = imported("blackbox", tmp_path, capsys, modules=text)
    assert found.says(expected), found.notes


def test_targets_without_end_that_are_all_invalid_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome, "MAX_TRIED", 40)
    modules = "modules: {icmp: {prober: icmp}}\n"
    targets = f"static_configs: [{{targets: [{'_,' * 41}]}}]"
    jobs = f"scrape_configs: [{{job_name: a, metrics_path: /probe, params: {{module: [icmp]}}, {targets}}}]\n"
    with pytest.raises(CannotImport, match="more than 40 targets, most of them invalid"):
        import_blackbox(iter([("m", modules), ("p", jobs)]), Outcome())


@pytest.mark.parametrize(
    ("options", "labels", "targets", "expected"),
    [
        ("", ", ".join(f"a{number}: b" for number in range(20_000)), 1, "labels: more than 64"),
        ("", "", 5000, "p: more than 4000 targets: import it in parts"),
        ("headers: {" + ", ".join(f"a{number}: b" for number in range(20_000)) + "}", "", 1, "more than 500"),
    ],
    ids=["labels", "targets", "options"],
)
def test_what_each_target_is_given_is_bounded(
    options: str, labels: str, targets: int, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    modules = f"modules: {{h: {{prober: http, http: {{{options}}}}}}}\n"
    listed = ", ".join(f"a{number}.example" for number in range(targets))
    group = f"static_configs: [{{labels: {{{labels}}}, targets: [{listed}]}}]"
    jobs = f"scrape_configs: [{{job_name: a, metrics_path: /probe, params: {{module: [h]}}, {group}}}]\n"
    found = imported("blackbox", tmp_path, capsys, m=modules, p=jobs)
    assert found.says(expected), found.notes


def test_no_word_of_a_broken_file_reaches_a_terminal_as_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = imported("blackbox", tmp_path, capsys, broken="a: [\u202e\u0085::error::b\n")
    assert said.status == 1
    (line,) = said.notes
    assert line.isprintable()


def test_a_config_map_that_an_alias_repeats_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = list[str]()

    def counted(text: str) -> Any:
        read.append(text)
        return documents(text)

    monkeypatch.setattr("ipsecping_operator.importing.blackbox.documents", counted)
    text = "items:\n- &m {kind: ConfigMap, data: {a: 'modules: {ping: {prober: icmp}}'}}\n" + "- *m\n" * 50
    import_blackbox(iter([("all.yaml", text)]), Outcome())
    assert len(read) == 2


def test_what_many_targets_leave_behind_is_named_once() -> None:
    module = {"prober": "icmp", "icmp": {f"option{number}": 1 for number in range(450)}}
    job = {
        "job_name": "j",
        "metrics_path": "/probe",
        "params": {"module": ["m"]},
        "static_configs": [{"targets": [f"10.0.{number}.1" for number in range(30)]}],
    }
    found, files = Outcome(), (("b", {"modules": {"m": module}}), ("p", {"scrape_configs": [job]}))
    import_blackbox(((name, yaml.safe_dump(each)) for name, each in files), found)
    assert len(found.checks) == 30
    first, *others = found.checks
    assert len(first.notes) >= 450
    said = f"{len(first.notes)} more, as of {first.manifest['metadata']['name']}"
    assert {each.notes for each in others} == {(said,)}
