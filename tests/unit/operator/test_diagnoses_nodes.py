"""Of a path that every node measures, the agent of the worst node is asked for the diagnosis."""

from typing import Any

from ipsecping_operator.diagnosis.choice import agent_of, choose

from .assessments import assessed, healthy, seen
from .builders import NOON, SECOND, check, result
from .objects import pod
from .states import body, shown, take_up


def test_the_agent_of_the_worst_node_is_asked() -> None:
    def agent(node: str) -> Any:
        status: dict[str, Any] = {"phase": "Running", "podIP": "10.0.0.1"}
        return pod(node, uid=f"p-{node}", owner_kind="DaemonSet", spec={"nodeName": node}, **status)

    state = shown(body(), agent("w1"), agent("w2"), agent("w3"))
    take_up(state, check(every_node=True))
    for number in range(4):
        for node, received in (("w1", 10), ("w2", 0), ("w3", 8)):
            start = NOON + 30 * number * SECOND
            assert (
                state.measured.accept(result(at=start, received=received), start=start, now=start, node=node)
                is None
            )
    assessed(state, at=100)
    chosen = choose(state)
    assert chosen.node == "w2"
    asked = agent_of(state, chosen)
    assert asked is not None
    assert asked.node == "w2"
    state.observed.pod_gone("p-w2")
    assert agent_of(state, chosen) is None


def test_after_a_restart_the_node_that_failed_is_asked_before_a_round_was_read() -> None:
    of = check(every_node=True)
    state = seen(of=of)
    for number in range(4):
        for node in ("w1", "w2", "w3"):
            start, received = NOON + 30 * number * SECOND, 0 if node == "w2" else 10
            made = result(of=of.paths[0].plan, at=start, received=received)
            assert state.measured.accept(made, start=start, now=start, node=node) is None
    status = dict(assessed(state, at=100).status)
    assert healthy(status)["status"] == "False"
    assert choose(seen(status, now=NOON + 110 * SECOND, of=of)).node == "w2"
