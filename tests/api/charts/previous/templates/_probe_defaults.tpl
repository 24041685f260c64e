{{/* The setting --probe-defaults as JSON, without what is empty. */}}
{{- define "ipsecping.probeDefaults" -}}
{{- $given := dict -}}
{{- range $name, $value := .Values.probeDefaults -}}
{{- with $value }}{{ $_ := set $given $name . }}{{ end -}}
{{- end -}}
{{- if not .Values.fixedUser }}{{ $_ := set $given "fixedUser" false }}{{ end -}}
{{- $given | toJson -}}
{{- end -}}

{{/* CEL: whether an object has these fields, with these values. Its own literals hold values of one type only.
     Call with (list "expression" map). */}}
{{- define "ipsecping.cel.has" -}}
{{- $object := index . 0 -}}
{{- $parts := list -}}
{{- range $key, $value := index . 1 -}}
{{- $parts = append $parts (printf "has(%s.%s) && %s.%s == %s" $object $key $object $key (toJson $value)) -}}
{{- end -}}
{{- join " && " ($parts | default (list "true")) -}}
{{- end -}}

{{/* CEL: whether an object has these fields, with these values, and no others. */}}
{{- define "ipsecping.cel.is" -}}
size({{ index . 0 }}) == {{ len (index . 1) }} && {{ include "ipsecping.cel.has" . }}
{{- end -}}

{{/* Labels and annotations that children have beside those that name their check, as CEL takes them. */}}
{{- define "ipsecping.noMeshLabels" -}}
{{- dict "sidecar.istio.io/inject" "false" "kuma.io/sidecar-injection" "disabled" | toJson -}}
{{- end -}}
{{- define "ipsecping.noMeshAnnotations" -}}
{{- dict "linkerd.io/inject" "disabled" "consul.hashicorp.com/connect-inject" "false" | toJson -}}
{{- end -}}

{{/* Namespaces that the affinity of the defaults names, as JSON. */}}
{{- define "ipsecping.namedNamespaces" -}}
{{- $found := list -}}
{{- $affinity := .affinity | default dict -}}
{{- range $kind := list "podAffinity" "podAntiAffinity" -}}
{{- $given := get $affinity $kind | default dict -}}
{{- range $given.requiredDuringSchedulingIgnoredDuringExecution }}{{ $found = concat $found (.namespaces | default list) }}{{ end -}}
{{- range $given.preferredDuringSchedulingIgnoredDuringExecution }}{{ $found = concat $found (.podAffinityTerm.namespaces | default list) }}{{ end -}}
{{- end -}}
{{- $found | uniq | toJson -}}
{{- end -}}
