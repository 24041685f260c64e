"""How the reflector's unit ends. The last file of this folder, for the reflector stays stopped."""

from .machine import UNIT, Machine


def test_it_stops_at_once_and_tells_its_counters(reflector: Machine) -> None:
    reflector.run(f"systemctl stop {UNIT}")
    shown = reflector.properties(UNIT, "Result", "ActiveState", "ExecMainStatus", "StatusText")
    assert shown == {
        "Result": "success",
        "ActiveState": "inactive",
        "ExecMainStatus": "0",
        "StatusText": "stopping",
    }
    last = reflector.run(f"journalctl --unit {UNIT} --output cat --identifier python3").splitlines()[-1]
    assert "counters" in last
