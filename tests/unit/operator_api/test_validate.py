"""`ipsecping-operator validate`: what is wrong with the checks of a repository, and hostile YAML."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ipsecping_operator import bounded_yaml
from ipsecping_operator.bounded_yaml import MAX_BYTES, UnreadableYaml, documents
from ipsecping_operator.cli import main
from ipsecping_operator.kubectl_yaml import KubectlLoader

ROOT = Path(__file__).parents[3]
CHECK = """\
apiVersion: ipsecping.dev/v1alpha1
kind: IPsecTunnelCheck
metadata: {name: hq-dc1, namespace: network}
spec: {target: 203.0.113.10}
"""
BROKEN = CHECK.replace("203.0.113.10", "203.0.113.300")


def validate(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, list[str]]:
    status = main(["validate", *map(str, words)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err.splitlines()


def test_a_folder_is_read_with_all_below_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "prod").mkdir()
    (tmp_path / "prod" / "hq.yaml").write_text(CHECK)
    (tmp_path / "prod" / "dc2.yml").write_text(f"---\n{CHECK}---\nkind: Namespace\n")
    (tmp_path / "notes.txt").write_text("kind: IPsecTunnelCheck {{")
    assert validate(capsys, tmp_path) == (0, "2 IPsecTunnelChecks, no mistakes\n", [])
    (tmp_path / "prod" / "edge.json").write_text(BROKEN)
    status, out, errors = validate(capsys, tmp_path)
    assert (status, out) == (1, "")
    (line,) = errors
    assert line.startswith(f"{tmp_path}/prod/edge.json: hq-dc1: spec.target: must be")


def test_files_that_name_no_check_are_not_even_read_as_yaml(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text("{{- if .Values.enabled }}\nkind: Deployment\n")
    (tmp_path / "b.yaml").write_text("- a list\n")
    assert validate(capsys, "--allow-empty", tmp_path / "a.yaml", tmp_path / "b.yaml") == (
        0,
        "0 IPsecTunnelChecks, no mistakes\n",
        [],
    )


def test_where_checks_should_be_and_none_is_that_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("checks", "chekcs", "others"):
        (tmp_path / folder).mkdir()
    (tmp_path / "checks" / "hq.yaml").write_text(CHECK)
    (tmp_path / "others" / "a.yaml").write_text("kind: Namespace\n")
    remedy = "no IPsecTunnelCheck in it: is it the right one? --allow-empty where none may be there"
    for empty in ("chekcs", "others", "others/a.yaml"):
        said = (1, "", [f"{tmp_path}/{empty}: {remedy}"])
        assert validate(capsys, tmp_path / empty) == said
    # A file among others that names no check is passed over, a folder is not.
    assert validate(capsys, tmp_path / "checks", tmp_path / "others" / "a.yaml")[0] == 0
    assert validate(capsys, tmp_path / "checks", tmp_path / "others")[2] == [f"{tmp_path}/others: {remedy}"]
    assert validate(capsys, tmp_path / "others", "--allow-empty")[:2] == (
        0,
        "0 IPsecTunnelChecks, no mistakes\n",
    )
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert validate(capsys, "-", tmp_path / "checks")[2] == [f"-: {remedy}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CHECK.replace("IPsecTunnelCheck", "IPsecTunelCheck"), "hq-dc1: kind: must be 'IPsecTunnelCheck'"),
        (CHECK.replace("v1alpha1", "v1"), "hq-dc1: apiVersion: must be 'ipsecping.dev/v1alpha1'"),
        (CHECK.replace("spec: {", "spec: {placement: {hostNetwork: true}, "), "spec.placement.hostNetwork"),
        (CHECK + "  {{ oops", "c.yaml: while"),
        (CHECK + "  {{ oops", "; {{ is a template's: validate what is rendered of it"),
    ],
)
def test_a_mistake_is_told_with_file_and_field(
    text: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.yaml").write_text(text)
    status, _, errors = validate(capsys, tmp_path / "c.yaml")
    assert status == 1
    assert any(expected in line for line in errors), errors


def test_a_check_that_stands_twice_in_a_file_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"{CHECK}---\n{CHECK.replace('namespace: network', 'namespace: other')}---\n{CHECK}")
    status, _, errors = validate(capsys, file)
    assert (status, errors) == (
        1,
        [
            f"{file}: hq-dc1: metadata.name: appears twice in namespace network: of two checks of "
            "one name the last one is applied"
        ],
    )
    # Another file may have the same one, as an overlay has; and a file may be named twice.
    file.write_text(CHECK)
    (tmp_path / "d.yaml").write_text(CHECK)
    assert validate(capsys, file, tmp_path)[0] == 0


def test_times_need_no_quotes_as_for_kubectl(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    window = "{name: a, from: 2026-12-05T22:00:00Z, until: 2026-12-06T02:00:00+01:00, reason: 2026-12-05}"
    (tmp_path / "c.yaml").write_text(CHECK.replace("spec: {", f"spec: {{maintenance: [{window}], "))
    assert validate(capsys, tmp_path / "c.yaml") == (0, "1 IPsecTunnelCheck, no mistakes\n", [])


def test_permissions_are_those_of_the_operator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.yaml").write_text(CHECK)
    assert validate(capsys, "--allow-targets", "*=203.0.113.0/24", tmp_path / "c.yaml")[0] == 0
    status, _, errors = validate(capsys, "--allow-targets", "*=10.0.0.0/8", tmp_path / "c.yaml")
    assert status == 1
    assert "spec.target: 203.0.113.10 is not a permitted target" in errors[0]


def test_the_list_that_kubectl_prints_is_read_one_by_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = {"kind": "List", "items": [yaml.safe_load(CHECK), yaml.safe_load(BROKEN), {"kind": "Pod"}]}
    text = io.TextIOWrapper(io.BytesIO(yaml.safe_dump(listed).encode()))
    monkeypatch.setattr("sys.stdin", text)
    status, _, errors = validate(capsys, "-")
    assert status == 1
    assert errors[0].startswith("-: hq-dc1: spec.target: must be")
    assert len(errors) == 1


def test_what_the_project_shows_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, errors = validate(
        capsys,
        *("--allow-targets", "*=0.0.0.0/0,::/0", "--allow-every-node", "*", "--allow-target-from", "*"),
        ROOT / "manifests" / "samples",
    )
    assert (status, errors) == (0, [])
    assert out.endswith("no mistakes\n")


def test_the_hook_is_that_command() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    program, command, empty = hook["entry"].split()
    assert (program, hook["language"]) == ("ipsecping-operator", "python")
    assert empty == "--allow-empty", "a commit that touches no check is none that lacks one"
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0


LAUGHS = "\n".join(
    ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
)

CHAIN = "\n".join(["a0: &a0 []", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 1300))])
COLLIDING = f"{{{', '.join(f'{number * (2**61 - 1)}: 1' for number in range(2000))}}}"
"""Numbers that Python cannot tell apart by their hashes: each is compared with all before it."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LAUGHS, "aliases make more than 100,000 values beyond those that stand there"),
        (LAUGHS.replace("[", "{k: ").replace(", ", ", j: ").replace("]", "}"), "aliases make more than"),
        ("a: &a [*a]", "line 1: an alias within what it stands for"),
        ("a: " + "[" * 150 + "]" * 150, "nested deeper than 100"),
        ("[" * 20_000, "nest"),
        ("- " * 20_000, "nest"),
        # A few of them in each of many documents.
        ("\n---\n".join([LAUGHS.partition("a4")[0]] * 100), "aliases make more than 100,000 values"),
        (CHAIN, "nested deeper than 100, with its aliases"),
        ("a: 2026-13-45", "a value that cannot be read: month must be in 1..12"),
        ("a: " + "1" * 5000, "a number of more than 100 characters at line 1, column 4"),
        ("a: 0x" + "f" * 5000, "a number of more than 100 characters"),
        ("a: " + "1:" * 1000 + "1", "a number of more than 100 characters"),
        ("a: " + "1:" * 1000 + "1.5", "a number of more than 100 characters"),
        (COLLIDING, "more than 1,000 numbers as keys of an object"),
        (COLLIDING.replace(": 1", ".0: 1"), "more than 1,000 numbers as keys of an object"),
        ("!!binary aGVsbG8=: 1", "a key that is neither text nor a number at line 1, column 1"),
        ("a: !!bool maybe", "a value that cannot be read: 'maybe'"),
        ('a: !!int ""', "a value that cannot be read: "),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("? [a]\n: b", "found unhashable key"),
        ("a: \x00", "characters are not allowed"),
        ("a:\n\tb: 1", "line 2, column 1: YAML is indented by blanks, and this line by a tab"),
    ],
    ids=lambda text: text[:20],
)
def test_hostile_yaml_is_refused_at_once(text: str, expected: str) -> None:
    with pytest.raises(UnreadableYaml) as refused:
        list(documents(text))
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000),
        ("1.5e3", 1500),
        ("1E-3", 0.001),
        ("1.0", 1),
        ("+.5", 0.5),
        ("0o10", 8),
        ("010", 8),
        ("-010", -8),
        ("08", 8),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("12:30", "12:30"),
        ("190:20:30.15", "190:20:30.15"),
        ("1e400", "1e400"),
        ("9" * 5000, "9" * 5000),
        ("2026-11-29", "2026-11-29"),
        ("=", "="),
        ("no", False),
        ("y", True),
        ("~", None),
        ("0b", "0b"),
        ("1,000", "1,000"),
    ],
)
def test_a_value_is_what_kubectl_makes_of_it(text: str, value: object) -> None:
    """As helm's `toJson` shows, which reads YAML by the same library."""
    ((read,),) = documents(f"[{text}]" if "," not in text else f"- {text}", KubectlLoader)
    assert (type(read), read) == (type(value), value)


def test_merged_keys_are_taken_as_kubectl_takes_them() -> None:
    (read,) = documents("a: &a {x: 1, k: 2}\nb: {<<: *a, x: 3}", KubectlLoader)
    assert read["b"] == {"x": 3, "k": 2}


@pytest.mark.parametrize("text", ["- a\n" * 1000, "---\n- a\n" * 500 + "---\n", "[" + "[]," * 1000 + "]"])
def test_more_values_than_memory_is_worth_are_refused_before_any_is_built(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_yaml, "MAX_VALUES", 1000)
    with pytest.raises(UnreadableYaml, match=r"line \d+: more than 1,000 values: split the file"):
        next(documents(text))


PURE = """\
import sys, yaml
del yaml.CSafeLoader
from ipsecping_operator.bounded_yaml import UnreadableYaml, documents
from ipsecping_operator.kubectl_yaml import KubectlLoader
assert not issubclass(KubectlLoader, yaml.cyaml.CParser)
print([*documents("a: y\\n---\\n- b", KubectlLoader)])
for text in ("[" * 20_000, "- " * 20_000, "[]," * 3):
    try:
        print([*documents(text)])
    except UnreadableYaml as error:
        print(error)
"""


def test_without_libyaml_the_same_is_read_and_refused() -> None:
    done = subprocess.run([sys.executable, "-c", PURE], capture_output=True, text=True, check=True)
    read, deep, nested, wrong = done.stdout.splitlines()
    assert read == "[{'a': True}, ['b']]"
    assert deep == nested == "line 1: nested deeper than 100"
    assert "expected" in wrong


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff", "no UTF-8, byte 0 is wrong: convert it, as by iconv -t UTF-8"),
        (b" " * (MAX_BYTES + 1), "longer than 16 MiB"),
    ],
)
def test_a_file_that_is_no_text_or_too_long_is_named(
    data: bytes, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(data)
    assert validate(capsys, path)[2] == [f"{path}: {expected}"]


@pytest.mark.parametrize("command", ["validate", "render"])
def test_no_word_of_a_manifest_reaches_a_terminal_as_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    evil = "\\e]0;owned\\a\\n::error::forged\\e[2J"
    file = tmp_path / "evil.yaml"
    file.write_text(
        CHECK.replace("hq-dc1", f'"{evil}"').replace("spec: {", f'spec: {{"{evil}": 1, ')
        + f'---\nkind: "{evil}"\n'
    )
    words = ("-f", str(file)) if command == "render" else (str(file),)
    assert main([command, *words]) == 1
    said = capsys.readouterr().err
    assert "owned" in said
    assert all(each.isprintable() for each in said.split("\n"))
    assert not any(line.startswith("::") for line in said.splitlines())
