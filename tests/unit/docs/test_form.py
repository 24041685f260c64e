"""What counts as the same output, and what does not."""

import pytest

from ...docs.form import difference, form, missing


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("10.50.1.10 seq=1 rtt=14.315 ms", "10.50.1.10 seq=21 rtt=0.017 ms"),
        ("a seq=1\na seq=2\na seq=3", "a seq=1"),
        ("HOST        SENT\n10.50.1.10     2", "HOST  SENT\n::1      200"),
        ("hq-dc1  True  0.69ms  4s  21s", "hq-dc1  True  812us  1m3s  2d"),
        (
            "pod ipsecping-hq-8b545070 at 2026-11-24T21:22:47Z",
            "pod ipsecping-hq-00000000 at 2027-01-01T00:00:00.5Z",
        ),
        ('{"min": 13.362456, "loss": 0.0}', '{"min": 4.6e-05, "loss": 12}'),
        ("12.733 - 13.248 ms  14 ▕███▌", "0.017 - 0.021 ms 0 ▕"),
        ("http://127.0.0.1:8086/write", "http://10.0.0.7:80/write"),
    ],
    ids=["figures", "repeated", "padding", "durations", "names", "json", "bars", "url"],
)
def test_figures_times_addresses_and_padding_are_no_difference(shown: str, printed: str) -> None:
    assert difference(shown, printed) == ""


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("5 sent, 5 received", "sent: 5, received: 5"),
        ("rtt=0.395 ms", "rtt=0.4 ms"),
        ("rtt=0.395 ms", "rtt=0.395 us"),
        ("SENT  RECV", "SENT  RECV  LOSS%"),
        ("clock: Kernel", "clock: User"),
        ('{"a": 1}', '{"a": null}'),
        ("one\ntwo", "one"),
        ("rttP50", "rttP99"),
    ],
    ids=["words", "decimals", "unit", "column", "value", "null", "line", "number in a name"],
)
def test_words_decimals_units_and_columns_are(shown: str, printed: str) -> None:
    assert difference(shown, printed)


def test_a_difference_says_what_is_shown_and_what_is_printed() -> None:
    assert difference("jitter 0.250 ms", "jitter: 0.250 ms").splitlines()[-2:] == [
        "-jitter N.NNN ms",
        "+jitter: N.NNN ms",
    ]


def test_what_a_document_leaves_out_is_not_missed_but_what_it_shows_is() -> None:
    printed = "Status:\n  Loss: 5.00\n  Path: a\n  Sent: 100"
    assert missing("Status:\n  Sent: 20", printed) == ""
    assert "Received: N" in missing("Status:\n  Received: 20", printed)
    assert "Loss: N.NN" in missing("Sent: 20\nLoss: 1.00", printed)


def test_a_form_can_be_read() -> None:
    assert form("4 sent, 3.50 % lost in 30s") == ["N sent, N.NN % lost in DURATION"]
