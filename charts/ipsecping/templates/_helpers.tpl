{{/* Name of the chart, or the alias that a parent chart gives it: no two of a release have the same. */}}
{{- define "ipsecping.chart" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end -}}

{{/* A name of the release's own: what it begins with, and a word for what it is. At most 63 characters, as the names of
     Services and the values of labels have. Call with (list $ "operator"). */}}
{{- define "ipsecping.named" -}}
{{- $root := index . 0 -}}
{{- $chart := include "ipsecping.chart" $root -}}
{{- $base := ternary $root.Release.Name (printf "%s-%s" $root.Release.Name $chart) (contains $chart $root.Release.Name) -}}
{{- $room := sub 62 (len (index . 1)) | int -}}
{{- printf "%s-%s" ($root.Values.fullnameOverride | default $base | trunc $room | trimAll "-.") (index . 1) -}}
{{- end -}}

{{- define "ipsecping.name" -}}
{{- include "ipsecping.named" (list . "operator") -}}
{{- end -}}

{{/* A Service's name has no dots and begins with a letter, unlike that of a release. Call with (list $ "operator-metrics"). */}}
{{- define "ipsecping.serviceName" -}}
{{- $name := include "ipsecping.named" . | replace "." "-" -}}
{{- regexMatch "^[a-z]" $name | ternary $name (printf "svc-%s" $name | trunc 63) -}}
{{- end -}}

{{- define "ipsecping.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "ipsecping.name" .) -}}
{{- end -}}

{{- define "ipsecping.selector" -}}
app.kubernetes.io/name: {{ include "ipsecping.chart" . | toYaml }}
app.kubernetes.io/instance: {{ .Release.Name | toYaml }}
{{- end -}}

{{/* Pods of the reflector and of `helm test`, which no selector of the operator may find. */}}
{{- define "ipsecping.reflectorSelector" -}}
app.kubernetes.io/name: {{ include "ipsecping.chart" . }}-reflector
app.kubernetes.io/instance: {{ .Release.Name | toYaml }}
{{- end -}}
{{- define "ipsecping.testSelector" -}}
app.kubernetes.io/name: {{ include "ipsecping.chart" . }}-test
app.kubernetes.io/instance: {{ .Release.Name | toYaml }}
{{- end -}}

{{/* Labels of an object or of a pod; those that everything has stay as they are whatever `more` says.
     Call with (dict "root" $), and where there are any "selector" (name of a template) and "more". */}}
{{- define "ipsecping.labels" -}}
{{ include (.selector | default "ipsecping.selector") .root }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- $more := mergeOverwrite (dict) (.root.Values.commonLabels | default dict) (.more | default dict) -}}
{{- with omit $more "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Metadata of an object. Call with (dict "root" $ "name" "..."), and where there are any "namespace", "selector" (as
     above), "labels" and "annotations". */}}
{{- define "ipsecping.metadata" -}}
name: {{ toYaml .name }}
{{- with .namespace }}
namespace: {{ toYaml . }}
{{- end }}
labels:
  {{- include "ipsecping.labels" (dict "root" .root "selector" .selector "more" .labels) | nindent 2 }}
{{- with mergeOverwrite (dict) (.root.Values.commonAnnotations | default dict) (.annotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Call with (list . "image") or (list . "probeImage"). */}}
{{- define "ipsecping.image" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $image := index $root.Values $key -}}
{{- $repository := required (printf "set %s.repository: build the image, push it to a registry of yours and name it here" $key) $image.repository -}}
{{- with ($root.Values.global).imageRegistry -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) (regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $repository "") -}}
{{- end -}}
{{- printf "%s:%s" $repository ($image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}

{{/* Secrets to pull images with, as JSON: those of all charts and these. Call with (list $ .Values.imagePullSecrets). */}}
{{- define "ipsecping.pullSecrets" -}}
{{- $found := list -}}
{{- range concat (((index . 0).Values.global).imagePullSecrets | default list) (index . 1 | default list) -}}
{{- $found = append $found (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- $found | uniq | toJson -}}
{{- end -}}

{{/* What a pod of ours may do: nothing but its work, as the restricted Pod Security level asks. `fixedUser` as the value;
     call with $ . */}}
{{- define "ipsecping.podSecurity" -}}
runAsNonRoot: true
{{- if .Values.fixedUser }}
runAsUser: 65532
runAsGroup: 65532
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "ipsecping.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
