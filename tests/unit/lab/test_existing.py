"""The user's own cluster: what has to be named, and what is there already."""

from typing import Any

import pytest

from ipsecping_lab import existing, workbench
from ipsecping_lab.errors import LabError


def deployment(*args: str) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"args": list(args)}]}}}}


@pytest.mark.parametrize(
    ("args", "serves"),
    [
        (("run", "--probe-image=p:1"), True),
        (("run", "--probe-image=p:1", "--namespaces=a,demo"), True),
        (("run", "--probe-image=p:1", "--namespaces=a,b"), False),
        (("agent", "/etc/ipsecping/plan.json"), False),
        ((), False),
    ],
    ids=["all namespaces", "this one too", "others", "an agent", "no arguments"],
)
def test_an_operator_that_is_there_is_known_by_what_it_serves(args: tuple[str, ...], serves: bool) -> None:
    assert existing.serves(deployment(*args), "demo") is serves


@pytest.mark.parametrize(
    ("image", "repository", "tag"),
    [
        ("registry.example.com/probe:0.1.0", "registry.example.com/probe", "0.1.0"),
        ("registry.example.com:5000/probe", "registry.example.com:5000/probe", "latest"),
        ("probe", "probe", "latest"),
    ],
)
def test_an_image_is_split_where_its_tag_begins(image: str, repository: str, tag: str) -> None:
    assert workbench.repository_and_tag(image) == (repository, tag)


def test_a_digest_comes_out_of_the_chart_as_it_went_in() -> None:
    image = "registry.example.com/probe@sha256:00ff"
    assert ":".join(workbench.repository_and_tag(image)) == image


def test_what_is_not_named_is_asked_for_by_name() -> None:
    with pytest.raises(LabError, match="IPSECPING_TARGET"):
        existing.far_end({})
    with pytest.raises(LabError, match="IPSECPING_PROBE_IMAGE"):
        existing.image("IPSECPING_PROBE_IMAGE", {})


def test_a_misspelt_wish_is_not_taken_for_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB", "exisitng")
    with pytest.raises(LabError, match="exisitng"):
        workbench.existing_cluster()
