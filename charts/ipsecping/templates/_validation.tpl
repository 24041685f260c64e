{{/* Refuse values that contradict each other, by their names. Call with $ . */}}
{{- define "ipsecping.validate" -}}
{{- range $value, $labels := dict "commonLabels" .Values.commonLabels "podLabels" .Values.podLabels "reflector.podLabels" (.Values.reflector).podLabels -}}
{{- range list "name" "instance" "version" "managed-by" -}}
{{- if hasKey ($labels | default dict) (printf "app.kubernetes.io/%s" .) -}}
{{- fail (printf "%s: app.kubernetes.io/%s is the chart's own: choose another label" $value .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.monitoring -}}
{{- if and .podMonitor.enabled .serviceMonitor.enabled -}}
{{- fail "monitoring.podMonitor.enabled and monitoring.serviceMonitor.enabled are both true, so that each pod would be scraped twice: choose one" -}}
{{- end -}}
{{- if and .serviceMonitor.enabled (not $.Values.metrics.service.enabled) -}}
{{- fail "monitoring.serviceMonitor needs metrics.service.enabled: true; or use monitoring.podMonitor" -}}
{{- end -}}
{{- end -}}
{{- with .Values.reflector -}}
{{- if .enabled -}}
{{- include "ipsecping.validateReflector" (list $ .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ipsecping.validateReflector" -}}
{{- $root := index . 0 -}}
{{- with index . 1 -}}
{{- if not (and .ports .limits .keys .service .test) -}}
{{- fail "reflector has no defaults: the release is of an older chart, whose values --reuse-values keeps. Upgrade with --reset-then-reuse-values instead" -}}
{{- end -}}
{{- if not .allow -}}
{{- fail "reflector.allow is empty: name the networks that probes come from, such as [10.244.0.0/16] (those of the pods)" -}}
{{- end -}}
{{- if not (include "ipsecping.reflectorPorts" . | fromJsonArray) -}}
{{- fail "reflector.ports: all are 0, so nothing would be answered" -}}
{{- end -}}
{{- if and .ports.stamp (eq (int .ports.stamp) (int .ports.udpEcho)) -}}
{{- fail "reflector.ports.stamp and reflector.ports.udpEcho are the same UDP port" -}}
{{- end -}}
{{- if eq 9110 (int .ports.tcpEcho) -}}
{{- fail "reflector.ports.tcpEcho: 9110 is the port of the reflector's own metrics" -}}
{{- end -}}
{{- if and .keys.secretName (not .ports.stamp) -}}
{{- fail "reflector.keys.secretName is for STAMP, and reflector.ports.stamp is 0" -}}
{{- end -}}
{{- if and .keys.forTLVs (not .keys.secretName) -}}
{{- fail "reflector.keys.forTLVs needs reflector.keys.secretName" -}}
{{- end -}}
{{- $service := .service -}}
{{- if eq .service.type "ClusterIP" -}}
{{- range $name, $port := .service.nodePorts -}}
{{- if $port -}}
{{- fail (printf "reflector.service.nodePorts.%s needs reflector.service.type NodePort or LoadBalancer" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if ne .service.type "LoadBalancer" -}}
{{- range list "loadBalancerClass" "loadBalancerSourceRanges" -}}
{{- if index $service . -}}
{{- fail (printf "reflector.service.%s needs reflector.service.type LoadBalancer" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $namespaces := $root.Values.operator.namespaces -}}
{{- if and .test.namespace $namespaces (not (has .test.namespace $namespaces)) -}}
{{- fail (printf "reflector.test.namespace: %s is not served, operator.namespaces are %s" .test.namespace (join ", " $namespaces)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
