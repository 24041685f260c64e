"""Processes, locks and the cache: what must hold when a run is killed at any moment."""

import signal
import sys
import threading
from pathlib import Path

import pytest

from ipsecping_lab.building import cache
from ipsecping_lab.errors import LabError, tail_of
from ipsecping_lab.host.locks import locked
from ipsecping_lab.host.processes import Process, boot_id, launch, running
from ipsecping_lab.host.waiting import wait_until
from ipsecping_lab.layout import Layout


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cache, "cache_directory", lambda: tmp_path / "ipsecping")
    return tmp_path / "ipsecping"


def test_a_launched_process_has_recorded_itself_and_is_ended_by_its_record(tmp_path: Path) -> None:
    record = tmp_path / "sleeper.pid"
    started = launch([sys.executable, "-c", "input()"], record=record, log=tmp_path / "log")
    started.wait()  # its input is empty: it ends at once
    assert running(record) is None
    started = launch(["sleep", "60"], record=record, log=tmp_path / "log")
    wait_until(record.exists, what="record", seconds=10)
    process = running(record)
    assert process is not None
    assert process.pid == started.pid
    process.end(grace=0)
    assert running(record) is None
    assert started.wait() == -signal.SIGKILL


def test_a_recycled_pid_is_not_taken_for_the_lab_s_process(tmp_path: Path) -> None:
    mine = Process.of(1)
    assert mine is not None
    for other in (Process(1, mine.start + 1, mine.boot), Process(1, mine.start, "another boot")):
        assert not other.alive()
        other.send(signal.SIGKILL)  # must not reach the real pid 1
    assert mine.boot == boot_id()


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}', "[]"])
def test_a_half_written_record_names_no_process(tmp_path: Path, content: str) -> None:
    record = tmp_path / "x.pid"
    record.write_text(content)
    assert running(record) is None


def test_a_failed_build_leaves_nothing_that_looks_like_a_result(cached: Path) -> None:
    def fail(directory: Path) -> None:
        (directory / "half").write_text("half")
        raise LabError("the compiler failed")

    with pytest.raises(LabError):
        cache.produce("bin", "tool", "1", fail)
    assert not list((cached / "bin").iterdir())
    made = cache.produce("bin", "tool", "1", lambda directory: (directory / "tool").touch())
    assert (made / "tool").exists()


def test_leftovers_of_a_killed_build_are_swept_by_the_next(cached: Path) -> None:
    leftover = cached / "bin" / ".tool-abc"
    leftover.mkdir(parents=True)
    cache.produce("bin", "tool", "1", lambda _: None)
    assert not leftover.exists()


def test_a_name_that_begins_with_another_is_left_alone(cached: Path) -> None:
    """A build of one must not remove what is being made of the other."""
    for number in range(cache.KEEP_NEWEST):
        cache.produce("peers", "tool-server", str(number), lambda _: None)
    under_way = cached / "peers" / ".tool-server-abc"
    under_way.mkdir()
    cache.produce("peers", "tool", "1", lambda _: None)
    assert under_way.exists()
    assert len(list((cached / "peers").glob("tool-server-*"))) == cache.KEEP_NEWEST


def test_only_the_newest_entries_of_a_name_stay(cached: Path) -> None:
    for number in range(cache.KEEP_NEWEST + 3):
        cache.produce("images", "probe", str(number), lambda _: None)
    assert len(list((cached / "images").iterdir())) == cache.KEEP_NEWEST


def test_a_digest_tells_where_one_part_ends_and_the_next_begins() -> None:
    assert cache.digest(["ab", "c"]) != cache.digest(["a", "bc"])


def test_a_second_run_says_that_it_waits_and_then_goes_on(tmp_path: Path) -> None:
    path, waited, got = tmp_path / "lock", threading.Event(), threading.Event()

    def second() -> None:
        with locked(path, on_wait=waited.set):
            got.set()

    with locked(path, on_wait=lambda: None, remove=lambda: True):
        thread = threading.Thread(target=second)
        thread.start()
        assert waited.wait(10)
        assert not got.is_set()
    thread.join(10)
    assert got.is_set()


@pytest.mark.parametrize("name", ["", "Lab", "a/b", "..", "-x", "x-", "a" * 41])
def test_a_lab_name_that_is_no_safe_path_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="LAB_NAME"):
        Layout.from_environment({"LAB_NAME": name})


def test_a_failed_step_shows_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    said = LabError("building it failed", log=log).explain(lines=3)
    assert said.splitlines()[0] == "building it failed"
    assert "line 99" in said
    assert "line 96" not in said
    assert str(log) in said
    assert tail_of(tmp_path / "none", lines=3) == []
