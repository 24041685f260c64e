{{- define "ipsecping.name" -}}
{{- $base := ternary .Release.Name (printf "%s-ipsecping" .Release.Name) (contains "ipsecping" .Release.Name) -}}
{{- printf "%s-operator" (trunc 54 $base | trimSuffix "-") -}}
{{- end -}}

{{- define "ipsecping.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "ipsecping.name" .) -}}
{{- end -}}

{{- define "ipsecping.selector" -}}
app.kubernetes.io/name: ipsecping
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ipsecping.labels" -}}
{{ include "ipsecping.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Call with (list . "image") or (list . "probeImage"). */}}
{{- define "ipsecping.image" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $image := index $root.Values $key -}}
{{- $repository := required (printf "set %s.repository: build the image, push it to a registry of yours and name it here" $key) $image.repository -}}
{{- printf "%s:%s" $repository ($image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
