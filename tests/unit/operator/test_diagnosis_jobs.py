"""Diagnoses of checks with cron: the Job, the report that its pod leaves, and what else may become of it."""

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from ipsecping.contract import termination
from ipsecping.contract.diagnosis_report_json import report_to_json, report_to_text
from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.api.probe_defaults import ProbeDefaults
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import ChildSettings, child_name, diagnosis_job
from ipsecping_operator.collect.collector import Collector
from ipsecping_operator.collect.diagnosing import NotAnswered, Question, ReportRefused
from ipsecping_operator.compile.compiled import Cron
from ipsecping_operator.diagnosis.job import JobDiagnosis, Told
from ipsecping_operator.faults import Faults
from ipsecping_operator.kube.errors import AlreadyExists, Forbidden, Unreachable
from ipsecping_operator.observe.projection import Pod, read_child
from ipsecping_operator.report.readiness import readiness
from ipsecping_operator.tokens.keys import TokenKeys

from .builders import NOON, UID, check, plan, result
from .handled import Handled
from .objects import container, metadata, pod
from .reports import report
from .states import body, shown, take_up
from .virtual_time import run

LOG = logging.LoggerAdapter(logging.getLogger("test"), {})
CRON = check(schedule=Cron(line="0 * * * *", time_zone=None))
PATH = CRON.paths[0]
NAME = f"{child_name(CRON, 'default')}-abcdef01"
ASKED = Question(
    uid=UID,
    namespace="network",
    name="hq",
    path="default",
    nonce=PATH.plan.nonce,
    request="abcdef01",
)


class Api:
    """Keeps the Jobs that are made."""

    def __init__(self) -> None:
        self.jobs: list[Mapping[str, Any]] = []
        self.events: list[Mapping[str, Any]] = []
        self.refuses: Exception | None = None

    async def pages(self, *_: object, **__: object) -> AsyncIterator[Mapping[str, Any]]:
        yield {"items": self.jobs}

    async def matching(self, *_: object, **__: object) -> list[Mapping[str, Any]]:
        return self.events

    async def create(self, kind: object, namespace: str, manifest: Mapping[str, Any]) -> None:
        del kind, namespace
        if self.refuses is not None:
            raise self.refuses
        self.jobs.append(manifest)

    async def get(self, kind: object, namespace: str, name: str) -> Mapping[str, Any] | None:
        del kind, namespace, name
        return {"metadata": {"ownerReferences": [{"controller": True, "uid": "another"}]}}


def cron_check() -> CheckState:
    meta = metadata(child_name(CRON, "default"), uid="c-1", owner=("IPsecTunnelCheck", "hq", UID))
    state = shown(body(), read_child("CronJob", {"metadata": meta, "status": {}}))
    take_up(state, CRON)
    return state


def finish(state: CheckState, message: str, *, exit_code: int = 0, uid: str = "p-1") -> dict[Any, int]:
    """The Job's pod ends so, and its message is read; how many results were counted as what."""
    ended = container(terminated={"exitCode": exit_code, "reason": "Completed", "message": message})
    phase = "Failed" if exit_code else "Succeeded"
    one = pod(f"{NAME}-x", uid=uid, owner_kind="Job", phase=phase, spec={"restartPolicy": "Never"}, **ended)
    state.observed.show_pod(one)
    state.observed.owner_decided(uid, own=True)
    return read_messages(state)


def read_messages(state: CheckState) -> dict[Any, int]:
    """How many results were counted as what."""
    handled = Handled()
    unused: Any = None
    collector = Collector(
        lineage=unused,
        handler=handled,
        faults=Faults(count=lambda where: pytest.fail(where)),
        tokens=TokenKeys(()),
        clock=lambda: NOON,
    )
    run(collector.sync(state, log=LOG))
    return handled.counts


def diagnosed(state: CheckState, api: Api, then: Callable[[], object] = lambda: None) -> Told:
    """What the Job comes to; `then` happens once it is made."""
    client: Any = api
    jobs = JobDiagnosis(
        client=client, settings=ChildSettings(probe_image="probe:1", defaults=ProbeDefaults())
    )

    made = client.create

    async def create(*args: Any) -> None:
        await made(*args)
        then()

    client.create = create
    return run(jobs.run(state, CRON, PATH, ASKED, log=LOG))


def test_the_job_diagnoses_the_path_s_own_plan_and_goes_after_an_hour() -> None:
    state, api = cron_check(), Api()
    told = diagnosed(state, api, lambda: state.diagnosed.deliver(report(PATH.plan), pod="x"))
    assert told == (report(PATH.plan), "x")
    (job,) = api.jobs
    assert job["metadata"]["name"] == NAME
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("CronJob", "c-1", True)
    assert job["metadata"]["labels"]["ipsecping.dev/check-uid"] == UID
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["ttlSecondsAfterFinished"]) == (0, 3600)
    assert spec["activeDeadlineSeconds"] == 120 + 60
    (probe,) = spec["template"]["spec"]["containers"]
    plan_file, log = "/etc/ipsecping/plan.json", "/dev/termination-log"
    assert probe["args"] == ["diagnose", plan_file, "--request", "abcdef01", "--termination-log", log]
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_a_job_that_an_earlier_run_has_made_is_awaited_and_not_made_again() -> None:
    state, api = cron_check(), Api()
    state.diagnosed.deliver(report(PATH.plan), pod="x")
    diagnosed(state, api)
    state.diagnosed.deliver(report(PATH.plan), pod="x")
    diagnosed(state, api)
    assert len(api.jobs) == 1


def test_a_round_that_runs_comes_to_its_end_first() -> None:
    state, api = cron_check(), Api()
    round_ = pod("hq-1-y", uid="r-1", owner_kind="Job", phase="Running", spec={"restartPolicy": "Never"})
    state.observed.show_pod(round_)
    state.observed.owner_decided("r-1", own=True)
    with pytest.raises(NotAnswered, match="another round of the path does not end") as caught:
        diagnosed(state, api)
    assert caught.value.again
    assert api.jobs == []


@pytest.mark.parametrize(
    ("refuses", "said", "again"),
    [
        (Unreachable("away"), "could not be made: away", True),
        (Forbidden("jobs is forbidden"), "could not be made: 403 Forbidden", False),
        (AlreadyExists("there"), "is there already and is not the check's", False),
    ],
)
def test_a_job_that_cannot_be_made_says_why(refuses: Exception, said: str, again: bool) -> None:
    api = Api()
    api.refuses = refuses
    with pytest.raises(NotAnswered, match=said) as caught:
        diagnosed(cron_check(), api)
    assert (caught.value.again is not None) is again


def test_the_report_that_the_pod_leaves_is_read_and_is_no_result() -> None:
    state = cron_check()
    assert finish(state, report_to_text(report(PATH.plan))) == {}
    assert diagnosed(state, Api()) == (report(PATH.plan), f"{NAME}-x")
    assert state.measured.series == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"uid": "another"}, "of another check or path"),
        ({"path": "backup"}, "of another check or path"),
        ({"namespace": "kube-system"}, "of another check or path"),
        ({"extra": 1}, "is not a field of it"),
        ({"summary": "\x1b[2J"}, "diagnosis.summary"),
    ],
)
def test_a_forged_report_is_refused_and_counted(changes: Any, said: str) -> None:
    state = cron_check()
    assert finish(state, json.dumps(report_to_json(report(PATH.plan)) | changes)) == {Rejection.MALFORMED: 1}
    assert state.diagnosed.delivered("abcdef01") is None
    with pytest.raises(NotAnswered, match="gave no report") as caught:
        diagnosed(state, Api())
    assert said in str(caught.value)


@pytest.mark.parametrize("changes", [{"nonce": "0" * 64}])
def test_a_report_of_another_plan_is_refused(changes: Any) -> None:
    state = cron_check()
    finish(state, json.dumps(report_to_json(report(PATH.plan)) | changes))
    with pytest.raises(ReportRefused, match=r"^pod .+: its report is of another nonce"):
        diagnosed(state, Api())


def test_a_report_of_another_request_answers_nothing() -> None:
    state = cron_check()
    finish(state, report_to_text(report(PATH.plan, request="another")))
    with pytest.raises(NotAnswered, match="gave no report"):
        diagnosed(state, Api())


def test_an_image_that_knows_no_diagnosis_is_told_with_the_remedy() -> None:
    state = cron_check()
    finish(state, "usage: ipsecping diagnose", exit_code=2)
    with pytest.raises(NotAnswered, match=r"is the probe image \(--probe-image\) of the operator's release"):
        diagnosed(state, Api())


def test_a_round_in_its_place_is_no_report() -> None:
    state = cron_check()
    finish(state, termination.encode([result(of=plan())]))
    with pytest.raises(NotAnswered, match="it ran a round instead"):
        diagnosed(state, Api())


def test_a_job_without_a_pod_is_given_up() -> None:
    with pytest.raises(NotAnswered, match="came to no end within 195s: no pod was made for it"):
        diagnosed(cron_check(), Api())


def test_a_job_whose_pod_is_refused_says_by_whom() -> None:
    api = Api()
    api.events.append(
        {"note": 'Error creating: pods "x" is forbidden: exceeded quota: compute, requested: pods=1'}
    )
    with pytest.raises(NotAnswered, match=r"no pod can be made: .*exceeded quota: compute") as caught:
        diagnosed(cron_check(), api)
    assert "raise that ResourceQuota" in str(caught.value)


def test_the_pod_of_a_diagnosis_is_no_round() -> None:
    """What becomes of it says nothing about whether rounds run, and hides none that does not."""
    image = ended(container(terminated={"exitCode": 2, "reason": "Error", "message": "usage"}), "Failed")
    state = cron_check()
    show(state, image, kept="exit code 2")
    assert readiness(state).reason is ReadyReason.RECONCILED
    waits = container(waiting={"reason": "ImagePullBackOff"})
    show(state, ended(waits, "Pending"), kept=None)
    assert readiness(state).reason is ReadyReason.RECONCILED
    failed = pod("hq-1", uid="r-1", version=1, owner_kind="Job", phase="Failed")
    show(state, failed, kept="OOMKilled")
    assert readiness(state).message.startswith("the newest round gave no result: pod hq-1: OOMKilled")


def test_a_diagnosis_that_crashed_is_no_result_that_was_refused() -> None:
    """Whoever watches for these would look for a prober that has gone astray."""
    state = cron_check()
    crashed = container(terminated={"exitCode": 137, "reason": "OOMKilled"})
    state.observed.show_pod(ended(crashed, "Failed"))
    state.observed.owner_decided("d-1", own=True)
    assert read_messages(state) == {}
    with pytest.raises(NotAnswered, match="OOMKilled"):
        diagnosed(state, Api())


def ended(status: dict[str, Any], phase: str) -> Pod:
    """Its pod, as the Job's template has it."""
    client: Any = (api := Api())
    settings = ChildSettings(probe_image="probe:1", defaults=ProbeDefaults())
    jobs, state = JobDiagnosis(client=client, settings=settings), cron_check()
    state.diagnosed.deliver(report(PATH.plan), pod="x")
    run(jobs.run(state, CRON, PATH, ASKED, log=LOG))
    spec = api.jobs[0]["spec"]["template"]["spec"]
    return pod(f"{NAME}-x", uid="d-1", version=9, owner_kind="Job", phase=phase, spec=spec, **status)


def show(state: CheckState, one: Pod, *, kept: str | None) -> None:
    state.observed.show_pod(one)
    state.observed.owner_decided(one.meta.uid, own=True)
    if kept is not None:
        state.observed.message_read(one.meta.uid, kept)


def test_few_reports_are_kept_that_nobody_has_asked_for() -> None:
    state = cron_check()
    for number in range(10):
        state.diagnosed.deliver(report(PATH.plan, request=str(number)), pod="x")
    assert [number for number in range(10) if state.diagnosed.delivered(str(number))] == [6, 7, 8, 9]


def test_its_pod_may_take_ten_minutes_to_start_though_rounds_may_take_longer() -> None:
    cron = Cron(line="0 * * * *", time_zone=None, start_ms=3_600_000)
    settings = ChildSettings(probe_image="probe:1", defaults=ProbeDefaults())
    job = diagnosis_job(CRON, PATH, cron, settings, owner_uid="c-1", request_id="abcdef01")
    assert job["spec"]["activeDeadlineSeconds"] == 600 + 60
