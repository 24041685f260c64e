"""What Alertmanager writes to a person: templates for the examples of its configuration.

They are Go's (text/template). Texts in them may be odd: a tunnel's name is free text of whoever may write a
check, and what a status says may be long. So what is shown is one line, cut, and escaped for its reader;
html/template, which makes the HTML part of a mail, escapes by itself.
"""

from collections.abc import Callable

OF_A_CHECK, OF_A_NAMESPACE = 5, 10
"""Alerts of a notification that are written out; of the others it says how many there are. With as many that
are over, five are below the 15,000 characters that Opsgenie takes, ten below the 40,000 of Slack."""
MAX_CLUSTER, MAX_SUMMARY, MAX_DESCRIPTION = 24, 500, 1500
"""Characters. No summary of ours has more; a description ends in a mark where it has."""
MAX_ASCII, MAX_ENCODED = 200, 80
"""Characters of a summary in a mail's subject. Alertmanager folds no line, which may have 998 octets (RFC
5322, section 2.1.1), and a character beyond ASCII takes up to twelve of them (RFC 2047)."""
RUNBOOK = '{{ with .CommonAnnotations.runbook_url }}{{ if match "^https?://" . }}{{ . }}{{ end }}{{ end }}'
"""The runbook where it is a link, else nothing; the alerts of a notification have it in common."""
_SECOND = 1_000_000_000
_SUMMARY, _DESCRIPTION = ".Annotations.summary", ".Annotations.description"
_CUT = f'{{{{ if ne {_DESCRIPTION} (printf "%.{MAX_DESCRIPTION}s" {_DESCRIPTION}) }}}}…{{{{ end }}}}'
_SINCE = '{{ .StartsAt.UTC.Format "2006-01-02 15:04:05 UTC" }}'
_LASTED = f"{{{{ (.EndsAt.Sub .StartsAt).Round {_SECOND} }}}}"
_COMMAND = "{{ with .Labels.check }}kubectl -n {{ $each.Labels.namespace }} describe itc {{ . }}"

Show = Callable[[str, int], str]
"""Makes a template that shows a value, cut after so many characters."""


def plain(value: str, most: int) -> str:
    """Show a value in one line."""
    return f'{{{{ {value} | printf "%.{most}s" | reReplaceAll "\\\\s+" " " }}}}'


def for_slack(value: str, most: int) -> str:
    """Show a value in one line, and as text what Slack would take for a link or a call to the channel."""
    named = ("&", "amp"), ("<", "lt"), (">", "gt")
    escapes = "".join(f' | reReplaceAll "{each}" "&{name};"' for each, name in named)
    return plain(value, most).replace(" }}", f"{escapes} }}}}")


def for_header(value: str, most: int) -> str:
    """Show a value in a header field of a mail, of whose line it leaves enough for others."""
    if most <= MAX_ENCODED:
        return plain(value, most)
    ascii_alone, encoded = plain(value, MAX_ASCII), plain(value, MAX_ENCODED)
    return f'{{{{ if match "^[ -~]*$" ({value}) }}}}{ascii_alone}{{{{ else }}}}{encoded}{{{{ end }}}}'


def subject(show: Show = plain) -> str:
    """One line: how grave, which cluster, how many, and the first of them.

    What is over is never called critical.
    """
    return (
        "[{{ if .Alerts.Firing }}{{ or .CommonLabels.severity .Status | toUpper }}{{ else }}RESOLVED{{ end }}"
        "{{ with .CommonLabels.cluster }} " + show(".", MAX_CLUSTER) + "{{ end }}] "
        "{{ with or .Alerts.Firing .Alerts }}{{ if gt (len .) 1 }}{{ len . }} alerts: {{ end }}"
        + show(f"(index . 0){_SUMMARY}", MAX_SUMMARY)
        + "{{ end }}"
    )


def firing(shown: int, show: Show = plain) -> str:
    """What fires: since when, what the status says, and where to look."""
    return _listed(
        "Firing",
        shown,
        f"FIRING since {_SINCE}: {show(_SUMMARY, MAX_SUMMARY)}\n"
        f"{show(_DESCRIPTION, MAX_DESCRIPTION)}{_CUT}\n"
        f"{_COMMAND}\n{{{{ end -}}}}\n"
        "Runbook: {{ .Annotations.runbook_url }}\n\n",
        "and {} more that fire\n\n",
    )


def resolved(shown: int, show: Show = plain) -> str:
    """What is over, and after how long; what the status said of it holds no longer."""
    return _listed(
        "Resolved",
        shown,
        f"RESOLVED after {_LASTED}: {show(_SUMMARY, MAX_SUMMARY)}\n",
        "and {} more that are over\n",
    )


def text(shown: int, show: Show = plain) -> str:
    """All of it."""
    return firing(shown, show) + resolved(shown, show)


def html(shown: int) -> str:
    """All of it as a document."""
    return (
        "<!DOCTYPE html>\n<html><body>\n"
        + _listed(
            "Firing",
            shown,
            f"<p><b>{plain(_SUMMARY, MAX_SUMMARY)}</b><br>firing since {_SINCE}<br>\n"
            f"{plain(_DESCRIPTION, MAX_DESCRIPTION)}{_CUT}<br>\n"
            f"{_COMMAND.replace('kubectl', '<code>kubectl')}</code><br>\n{{{{ end -}}}}\n"
            'Runbook: {{ if match "^https?://" .Annotations.runbook_url -}}\n'
            '<a href="{{ .Annotations.runbook_url }}">{{ .Annotations.runbook_url }}</a>\n'
            "{{- else }}{{ .Annotations.runbook_url }}{{ end }}</p>\n",
            "<p>and {} more that fire</p>\n",
        )
        + _listed(
            "Resolved",
            shown,
            f"<p><b>{plain(_SUMMARY, MAX_SUMMARY)}</b><br>resolved after {_LASTED}</p>\n",
            "<p>and {} more that are over</p>\n",
        )
        + "</body></html>"
    )


def _listed(which: str, shown: int, one: str, more: str) -> str:
    """The first alerts of that status, one by one, and how many there are besides."""
    alerts = f".Alerts.{which}"
    count = more.format(f"{{{{ len (slice {alerts} {shown}) }}}}")
    return (
        f"{{{{ range $i, $each := {alerts} }}}}{{{{ if lt $i {shown} -}}}}\n"
        f"{one}{{{{ end }}}}{{{{ end -}}}}\n"
        f"{{{{ if gt (len {alerts}) {shown} -}}}}\n{count}{{{{ end -}}}}\n"
    )
