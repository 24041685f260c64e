{{/* Flags for what checks may ask for; values that are not set give none. Call with .Values.operator. */}}
{{- define "ipsecping.permissions" -}}
{{- /* None has to be said, as the operator's own default is all. */ -}}
{{- $flags := list (printf "--allow-every-node=%s" (join "," .allowEveryNode)) -}}
{{- range $value, $flag := dict
    "allowHostNetwork" "allow-host-network"
    "allowCrossNamespaceAffinity" "allow-cross-namespace-affinity"
    "allowTargetFrom" "allow-target-from"
    "allowTextKeys" "allow-text-keys" -}}
{{- with index $ $value -}}
{{- $flags = append $flags (printf "--%s=%s" $flag (join "," .)) -}}
{{- end -}}
{{- end -}}
{{- range $value, $flag := dict
    "allowTargets" "allow-targets"
    "allowPriorityClasses" "allow-priority-classes"
    "allowTolerations" "allow-tolerations"
    "allowPodLabels" "allow-pod-labels"
    "allowPodAnnotations" "allow-pod-annotations"
    "allowSecrets" "allow-secrets"
    "allowConfigMaps" "allow-config-maps"
    "maxCPU" "max-cpu"
    "maxMemory" "max-memory"
    "maxPacketRate" "max-packet-rate"
    "maxBitRate" "max-bit-rate" -}}
{{- with index $ $value -}}
{{- $entries := list -}}
{{- range $namespace, $given := . -}}
{{- if kindIs "float64" $given -}}
{{- $given = int64 $given -}}
{{- end -}}
{{- $entries = append $entries (printf "%s=%s" $namespace (join "," $given)) -}}
{{- end -}}
{{- $flags = append $flags (printf "--%s=%s" $flag (join ";" $entries)) -}}
{{- end -}}
{{- end -}}
{{- range $flags }}
- {{ . | quote }}
{{- end -}}
{{- end -}}
