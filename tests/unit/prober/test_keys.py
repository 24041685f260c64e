"""Keys of STAMP's authenticated mode: their file, and what is wrong with one that cannot be used."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.host.key_file import KeyFile, KeyFileError, KeyNotPermitted
from ipsecping.wire.authentication import MalformedKeys, UnmarkedKey, parse_keys


def test_keys_are_hex_base64_or_the_line_itself() -> None:
    in_base64 = base64.b64encode(bytes(32)).decode()
    text = f"# site A\nhex:{'0f' * 16}\n\n  base64:{in_base64}  \nspoken like a router\n"
    assert parse_keys(text) == (b"\x0f" * 16, bytes(32), b"spoken like a router")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no key"),
        ("\n# only a comment\n", "no key"),
        ("hex:0123", "line 1: a key has 16 to 512 bytes, not 2"),
        ("# first\nhex:xyz", "line 2: not hex"),
        ("base64:a", "line 1: not base64"),
        ("short", "line 1: a key has 16 to 512 bytes, not 5"),
        ("x" * 513, "line 1: a key has 16 to 512 bytes, not 513"),
        ("sixteen bytes ok\n" * 9, "9 keys, at most 8"),
        ("\0" * 64, "line 1: control characters; write binary keys as hex:..."),
        ("a-key-of-a-router\nwith-an-escape-\x1b[2J", "line 2: control characters"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_by_line(text: str, message: str) -> None:
    with pytest.raises(MalformedKeys, match=message):
        parse_keys(text)


def test_a_refused_key_is_not_shown() -> None:
    with pytest.raises(MalformedKeys) as refused:
        parse_keys("my-password")
    assert "my-password" not in str(refused.value)


@given(st.text(max_size=200))
def test_no_text_whatsoever_upsets_the_reader(text: str) -> None:
    try:
        keys = parse_keys(text)
    except MalformedKeys:
        return
    assert all(16 <= len(key) <= 512 for key in keys)


def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = tmp_path / "stamp.keys"
    with pytest.raises(KeyFileError, match=r"stamp\.keys: No such file"):
        KeyFile(path).read()
    path.write_bytes(b"\xff" * 16)
    with pytest.raises(KeyFileError, match=r"stamp\.keys: not text"):
        KeyFile(path).read()
    path.write_text("x" * 70_000)
    with pytest.raises(KeyFileError, match=r"stamp\.keys: larger than"):
        KeyFile(path).read()
    path.write_text("short")
    with pytest.raises(KeyFileError, match=r"stamp\.keys: line 1"):
        KeyFile(path).read()


def test_a_key_file_tells_when_it_has_changed_also_by_a_swapped_link(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("a key of the old days")
    (tmp_path / "new").write_text("a key of the new days")
    link = tmp_path / "keys"
    link.symlink_to("old")
    file = KeyFile(link)
    assert file.changed()
    assert not file.changed()
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").replace(link)  # as the kubelet does
    assert file.changed()
    assert file.read() == (b"a key of the new days",)
    link.unlink()
    assert file.changed()
    assert not file.changed()


LONG = "hex:" + "0f" * 32


def test_marked_keys_are_as_good_where_only_they_count() -> None:
    in_base64 = base64.b64encode(bytes(40)).decode()
    text = f"# both\n{LONG}\nbase64:{in_base64}\n"
    assert parse_keys(text, marked=True) == parse_keys(text) == (b"\x0f" * 32, bytes(40))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("correct horse battery staple correct horse", "line 1: neither hex:... nor base64:..."),
        (f"{LONG}\nroot:$6$salt$hashofapassword", "line 2: neither"),
        ("0f" * 32, "line 1: neither"),
        ("HEX:" + "0f" * 32, "line 1: neither"),
        ("Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSBjb3JyZWN0", "line 1: neither"),
        ("hex:" + "0f" * 31, "line 1: a key has at least 32 bytes, not 31"),
        ("base64:" + base64.b64encode(b"hunter2hunter2hunter2").decode(), "line 1: a key has at least 32"),
    ],
)
def test_where_only_marked_keys_count_no_password_is_one(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UnmarkedKey, match=message):
        parse_keys(text, marked=True)
    path = tmp_path / "stamp.keys"
    path.write_text(text)
    with pytest.raises(KeyNotPermitted, match=r"stamp\.keys: line "):
        KeyFile(path, marked=True).read()


@given(st.text(max_size=200))
def test_whatever_the_text_a_marked_key_was_marked(text: str) -> None:
    try:
        keys = parse_keys(text, marked=True)
    except MalformedKeys:
        return
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert all(line.startswith(("hex:", "base64:")) for line in lines)
    assert all(len(key) >= 32 for key in keys)
