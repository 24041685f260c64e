"""Several labs on one machine: none takes away what another one needs."""

from pathlib import Path

import pytest

from ipsecping_lab.host import common, sysctls


@pytest.fixture
def panic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A setting of the machine."""
    file = tmp_path / "panic"
    file.write_text("0\n")
    monkeypatch.setattr(common, "_LOCK", tmp_path / "lock")
    monkeypatch.setattr(sysctls, "KUBELET_CHANGES", ("kernel.panic",))
    monkeypatch.setattr(sysctls, "_file", lambda _: file)
    return file


def test_the_last_lab_puts_the_machine_back_and_none_before_it(tmp_path: Path, panic: Path) -> None:
    states, place = tmp_path / "lib", tmp_path / "containerd"
    for name in ("one", "two"):
        (states / name).mkdir(parents=True)
        common.join(name, [str(place)], states=states)
        panic.write_text("10\n")  # by its kubelet
    common.leave("one", [str(place)], states=states)
    assert place.is_dir()
    assert panic.read_text() == "10\n"
    common.leave("two", [str(place)], states=states)
    assert not place.exists()
    assert panic.read_text().strip() == "0"
    assert not any(each.name not in ("one", "two") for each in states.iterdir()), (
        "nothing is left of the record"
    )


def test_a_lab_whose_state_somebody_removed_holds_nothing_back(tmp_path: Path, panic: Path) -> None:
    states, place = tmp_path / "lib", tmp_path / "containerd"
    for name in ("lost", "mine"):
        common.join(name, [str(place)], states=states)
    common.leave("mine", [str(place)], states=states)
    assert not place.exists()


def test_what_was_there_before_or_is_in_use_stays(tmp_path: Path, panic: Path) -> None:
    states, theirs, used = tmp_path / "lib", tmp_path / "theirs", tmp_path / "used"
    theirs.mkdir()
    common.join("one", [str(theirs), str(used)], states=states)
    (used / "file").touch()
    common.leave("one", [str(theirs), str(used)], states=states)
    assert theirs.is_dir()
    assert used.is_dir()
