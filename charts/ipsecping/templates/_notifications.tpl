{{- define "ipsecping.notificationDirectory" -}}
/etc/ipsecping-notifications
{{- end }}

{{/* Flags of whom the operator notifies. */}}
{{- define "ipsecping.notifications" -}}
{{- with .alertmanagers.urls }}
- {{ printf "--alertmanagers=%s" (join "," .) | quote }}
- --alertmanager-repeat={{ $.alertmanagers.repeat }}
- {{ printf "--runbook-url=%s" $.alertmanagers.runbookURL | quote }}
{{- with $.alertmanagers.labels }}
{{- $labels := list }}
{{- range $name, $value := . }}
{{- $labels = append $labels (printf "%s=%s" $name $value) }}
{{- end }}
- {{ printf "--alertmanager-labels=%s" (join "," $labels) | quote }}
{{- end }}
{{- include "ipsecping.notificationFiles" (list "alertmanager" $.alertmanagers) }}
{{- end }}
{{- with .webhook }}
{{- if or .url .urlKey }}
{{- if not .secretName }}
{{- fail "notifications.webhook.secretName is needed with notifications.webhook.url and urlKey: events are signed" }}
{{- end }}
{{- with .url }}
- {{ printf "--webhook-url=%s" . | quote }}
{{- end }}
{{- with .urlKey }}
- --webhook-url-file={{ include "ipsecping.notificationDirectory" . }}/webhook/{{ . }}
{{- end }}
- {{ printf "--webhook-source=%s" .source | quote }}
- --webhook-keys-file={{ include "ipsecping.notificationDirectory" . }}/webhook/{{ .keysKey }}
{{- include "ipsecping.notificationFiles" (list "webhook" .) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Flags of files with credentials: whose, and the values. */}}
{{- define "ipsecping.notificationFiles" -}}
{{- $whose := index . 0 }}
{{- $values := index . 1 }}
{{- range $key, $flag := dict "bearerTokenKey" "bearer-file" "basicAuthKey" "basic-auth-file" "caKey" "ca-file" }}
{{- with index $values $key }}
{{- if not $values.secretName }}
{{- fail (printf "notifications: %s of the %s is a key of a Secret: secretName is needed" $key $whose) }}
{{- end }}
- --{{ $whose }}-{{ $flag }}={{ include "ipsecping.notificationDirectory" $ }}/{{ $whose }}/{{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where the Secrets with keys and credentials are mounted. */}}
{{- define "ipsecping.notificationMounts" -}}
{{- if and .alertmanagers.urls .alertmanagers.secretName }}
- name: alertmanager
  mountPath: {{ include "ipsecping.notificationDirectory" . }}/alertmanager
  readOnly: true
{{- end }}
{{- if and (or .webhook.url .webhook.urlKey) .webhook.secretName }}
- name: webhook
  mountPath: {{ include "ipsecping.notificationDirectory" . }}/webhook
  readOnly: true
{{- end }}
{{- end }}

{{- define "ipsecping.notificationVolumes" -}}
{{- if and .alertmanagers.urls .alertmanagers.secretName }}
- name: alertmanager
  secret:
    secretName: {{ toYaml .alertmanagers.secretName }}
    # Verdicts do not wait for it: until it is there, the log says that the file is missing.
    optional: true
{{- end }}
{{- if and (or .webhook.url .webhook.urlKey) .webhook.secretName }}
- name: webhook
  secret:
    secretName: {{ toYaml .webhook.secretName }}
    optional: true
{{- end }}
{{- end }}
