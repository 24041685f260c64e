"""Where a CPU limit's effect can be read, on the control groups of both versions, and what counts."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.host.throttling import FRESH, ThrottleWatch, own_throttling, stat_files, throttled

MS = 1_000_000

HYBRID_GROUPS = (
    "5:memory:/kubepods/pod1\n3:cpu,cpuacct:/kubepods/pod1/c1\n1:name=systemd:/\n0::/kubepods/pod1\n"
)
HYBRID_MOUNTS = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
UNIFIED_MOUNTS = "35 25 0:29 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def paths(*names: str) -> list[PurePosixPath]:
    return [PurePosixPath(name) for name in names]


def test_version_1_is_read_where_its_cpu_controller_is_mounted_with_every_group_above() -> None:
    assert stat_files(HYBRID_GROUPS, HYBRID_MOUNTS) == paths(
        "/sys/fs/cgroup/cpu,cpuacct/kubepods/pod1/c1/cpu.stat",
        "/sys/fs/cgroup/cpu,cpuacct/kubepods/pod1/cpu.stat",
        "/sys/fs/cgroup/cpu,cpuacct/kubepods/cpu.stat",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.stat",
    )


def test_version_2_is_read_in_the_unified_hierarchy() -> None:
    assert stat_files("0::/system.slice/ipsecping.service\n", UNIFIED_MOUNTS) == paths(
        "/sys/fs/cgroup/system.slice/ipsecping.service/cpu.stat",
        "/sys/fs/cgroup/system.slice/cpu.stat",
        "/sys/fs/cgroup/cpu.stat",
    )


def test_in_a_container_only_its_own_part_of_the_hierarchy_is_mounted() -> None:
    mounts = "9 8 0:29 /kubepods/pod1/c1 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n"
    assert stat_files(HYBRID_GROUPS, mounts) == paths("/sys/fs/cgroup/cpu/cpu.stat")


def test_a_mount_point_with_a_blank_in_its_name_is_found() -> None:
    mounts = r"9 8 0:29 / /my\040groups rw - cgroup2 none rw" + "\n"
    assert stat_files("0::/\n", mounts) == paths("/my groups/cpu.stat")


@pytest.mark.parametrize(
    ("groups", "mounts"),
    [
        ("", ""),
        ("0::/a\n", ""),
        ("", UNIFIED_MOUNTS),
        ("0::/other\n", "9 8 0:29 /mine /sys/fs/cgroup rw - cgroup2 none rw\n"),
        ("0::/../outside\n", "9 8 0:29 /.. /sys/fs/cgroup\n"),
        ("nonsense\n:::\n0:", " - \n - cgroup2 a b\n"),
    ],
)
def test_what_cannot_be_seen_is_not_guessed(groups: str, mounts: str) -> None:
    assert stat_files(groups, mounts) == []


@given(st.text(), st.text())
def test_no_text_of_the_kernel_makes_it_fail(groups: str, mounts: str) -> None:
    stat_files(groups, mounts)
    throttled(mounts)


def test_both_versions_give_nanoseconds() -> None:
    assert throttled("nr_periods 7\nnr_throttled 2\nthrottled_time 123456\n") == 123_456
    assert throttled("usage_usec 9\nnr_periods 7\nnr_throttled 2\nthrottled_usec 123\n") == 123_000
    assert throttled("usage_usec 9\nuser_usec 9\nsystem_usec 0\n") is None


def test_groups_are_added_up_and_one_that_vanishes_takes_nothing_back() -> None:
    texts = {Path("a"): "throttled_time 5\n", Path("b"): "throttled_usec 1\n"}
    watch = ThrottleWatch(list(texts), read=lambda path: texts[path])
    assert watch.total(now=0) == 1005
    texts[Path("a")] = ""
    texts[Path("b")] = "throttled_usec 3\n"
    assert watch.total(now=FRESH + 1) == 3005


def test_thousands_of_rounds_at_once_cost_one_reading() -> None:
    readings: list[Path] = []

    def read(path: Path) -> str:
        readings.append(path)
        return "throttled_time 1\n"

    watch = ThrottleWatch([Path("a")], read=read)
    for now in range(0, FRESH, MS):
        watch.total(now=now)
    assert readings == [Path("a")]


def test_a_missing_file_counts_nothing(tmp_path: Path) -> None:
    assert ThrottleWatch([tmp_path / "cpu.stat"]).total(now=0) == 0


def test_this_machine_can_be_read_whatever_it_has() -> None:
    assert own_throttling().total(now=0) >= 0
