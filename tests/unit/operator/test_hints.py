"""What helps against what was refused: said behind the words of who refused, for each kind of refusal."""

import pytest

from ipsecping_operator.kube.errors import of_status
from ipsecping_operator.kube.wording import DeniedBy
from ipsecping_operator.report.hints import MAX_SAID, no_pod, refused_by_api, with_hint
from ipsecping_operator.status.conditions import MAX_MESSAGE

PODS = 'pods "hq-7d9f" is forbidden: '
REFUSALS = {
    DeniedBy.QUOTA: (PODS + "exceeded quota: few, requested: pods=1, used: pods=1", "ResourceQuota"),
    DeniedBy.LIMIT_RANGE: (
        PODS + "maximum memory usage per Container is 64Mi, but limit is 128Mi",
        "placement.resources",
    ),
    DeniedBy.POD_SECURITY: (
        PODS + 'violates PodSecurity "baseline:latest": host namespaces',
        "placement.hostNetwork",
    ),
    DeniedBy.POLICY: (
        PODS + "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: label owner is due",
        "podLabels",
    ),
    DeniedBy.WEBHOOK: ('admission webhook "k.example.com" denied the request: not here', "that webhook"),
    DeniedBy.SECURITY_CONTEXT: (
        PODS + "unable to validate against any security context constraint: [provider x: y]",
        "65532",
    ),
    DeniedBy.PRIORITY_CLASS: (
        PODS + "no PriorityClass with name high was found",
        "placement.priorityClassName",
    ),
    DeniedBy.SERVICE_ACCOUNT: (
        PODS + 'error looking up service account n/default: serviceaccount "default" not found',
        "ServiceAccount default",
    ),
    DeniedBy.RUNTIME_CLASS: (
        'pods "hq-7d9f" is forbidden: pod rejected: RuntimeClass "gvisor" not found',
        "runtimeClassName in --probe-defaults",
    ),
}


@pytest.mark.parametrize("by", list(DeniedBy))
def test_each_denial_of_a_pod_or_of_a_child_says_what_helps_and_who_tries_again(by: DeniedBy) -> None:
    words, helps = REFUSALS[by]
    of_pod, of_child = no_pod(words), refused_by_api(of_status("PATCH", 403, {"message": words}))
    for said in (of_pod, of_child):
        assert words in said
        assert helps in said.replace(words, "")
    assert "Kubernetes tries again" in of_pod
    assert "the operator tries again" in of_child


def test_a_webhook_without_an_answer_and_a_right_that_lacks_are_said_as_well() -> None:
    hook = 'Internal error occurred: failed calling webhook "k.example.com": failed to call webhook: EOF'
    assert "failurePolicy" in refused_by_api(of_status("PATCH", 500, {"message": hook}))
    right = 'deployments.apps "hq" is forbidden: User "system:serviceaccount:a:b" cannot patch resource'
    assert "ClusterRole" in refused_by_api(of_status("PATCH", 403, {"message": right}))
    other = refused_by_api(of_status("PATCH", 422, {"message": "name: Invalid value", "reason": "Invalid"}))
    assert other.startswith("the API refuses: 422 Invalid: name: Invalid value; the operator tries again")


def test_however_much_a_policy_says_there_is_room_for_what_helps() -> None:
    words = PODS + "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: " + "no " * 1000
    for said in (no_pod(words), refused_by_api(of_status("PATCH", 422, {"message": words}))):
        assert len(said) < MAX_MESSAGE
        assert "podLabels" in said
    assert len(with_hint("CrashLoopBackOff: " + "x" * 5000)) == MAX_SAID


def test_an_image_that_cannot_be_pulled_is_known_by_its_reason_alone() -> None:
    assert "imagePullSecrets" in with_hint('ErrImagePull: rpc error: pull "probe:1"')
    assert (
        with_hint("CreateContainerError: no ErrImagePull here")
        == "CreateContainerError: no ErrImagePull here"
    )
