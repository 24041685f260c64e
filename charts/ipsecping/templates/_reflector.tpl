{{/* What a reflector answers, as JSON: the value that says so, the port's name and number, and the protocol.
     Call with .Values.reflector. */}}
{{- define "ipsecping.reflectorPorts" -}}
{{- $found := list -}}
{{- range $value, $protocol := dict "stamp" "UDP" "udpEcho" "UDP" "tcpEcho" "TCP" -}}
{{- with index $.ports $value | int -}}
{{- $found = append $found (dict "value" $value "name" (kebabcase $value) "port" . "protocol" $protocol) -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* Options of `ipsecping reflect`; what is not set is left to the program. Call with .Values.reflector. */}}
{{- define "ipsecping.reflectorFlags" -}}
{{- range include "ipsecping.reflectorPorts" . | fromJsonArray }}
- --{{ .name }}=:{{ .port }}
{{- end }}
{{- range .allow }}
- --allow={{ . }}
{{- end }}
{{- range $value, $flag := dict
    "rate" "rate"
    "octetRate" "octet-rate"
    "totalRate" "total-rate"
    "totalOctetRate" "total-octet-rate"
    "maxOctets" "max-octets" }}
{{- with index $.limits $value | int64 }}
- --{{ $flag }}={{ . }}
{{- end }}
{{- end }}
{{- range .allowSourcePorts }}
- --allow-source-port={{ int . }}
{{- end }}
{{- if .keys.secretName }}
- --key-file=/keys/keys
{{- if .keys.forTLVs }}
- --keys-for-tlvs
{{- end }}
{{- end }}
{{- end -}}

{{/* Namespace of the check of `helm test`. */}}
{{- define "ipsecping.testNamespace" -}}
{{- .Values.reflector.test.namespace | default .Release.Namespace -}}
{{- end -}}

{{/* Why `helm test` cannot measure anything; empty where it can. Call with $ . */}}
{{- define "ipsecping.testRefusal" -}}
{{- $namespaces := .Values.operator.namespaces -}}
{{- if not (.Values.reflector).enabled -}}
reflector.enabled is false: there is nothing of this release to measure. Set it to true, or write a check of your own
{{- else if and $namespaces (not (has (include "ipsecping.testNamespace" .) $namespaces)) -}}
the operator does not serve namespace {{ include "ipsecping.testNamespace" . }}, where the check of the test would be: add it to operator.namespaces, or set reflector.test.namespace to one of these ({{ join ", " $namespaces }})
{{- end -}}
{{- end -}}
