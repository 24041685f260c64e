{{/* Refuse values that contradict each other, by their names. Call with $ . */}}
{{- define "ipsecping.validate" -}}
{{- include "ipsecping.validateNeeded" . -}}
{{- include "ipsecping.validateForms" . -}}
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
{{- with .Values.operator -}}
{{- range $namespace, $networks := .allowTargets -}}
{{- include "ipsecping.validateNetworks" (list (printf "operator.allowTargets.%s" $namespace) $networks) -}}
{{- end -}}
{{- range $value, $least := dict "maxCPU" "10m" "maxMemory" "128Mi" "maxBitRate" "1k" -}}
{{- range $namespace, $given := index $.Values.operator $value -}}
{{- include "ipsecping.validateQuantity" (list (printf "operator.%s.%s" $value $namespace) $given "^[0-9]{1,9}([.][0-9]{1,3})?(m|k|Ki|M|Mi|G|Gi)?$") -}}
{{- if lt (include "ipsecping.amount" $given | float64) (include "ipsecping.amount" $least | float64) -}}
{{- fail (printf "operator.%s.%s: %v is less than %s, which is needed" $value $namespace $given $least) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range list "statusInterval" "resyncInterval" "leaseDuration" -}}
{{- include "ipsecping.validateSpan" (list (printf "operator.%s" .) (index $.Values.operator .) "1s" "") -}}
{{- end -}}
{{- end -}}
{{- range $path, $resources := dict "resources" .Values.resources "reflector.resources" (.Values.reflector).resources "probeDefaults.resources" .Values.probeDefaults.resources -}}
{{- include "ipsecping.validateResources" (list $path ($resources | default dict)) -}}
{{- end -}}
{{- with .Values.probeDefaults -}}
{{- if and (eq (.dnsPolicy | default "") "None") (not (.dnsConfig | default dict).nameservers) -}}
{{- fail "probeDefaults.dnsConfig.nameservers are needed with probeDefaults.dnsPolicy None" -}}
{{- end -}}
{{- end -}}
{{- with .Values.notifications -}}
{{- include "ipsecping.validateSpan" (list "notifications.alertmanagers.repeat" .alertmanagers.repeat "10s" "10m") -}}
{{- range $index, $url := .alertmanagers.urls -}}
{{- include "ipsecping.validateURL" (list (printf "notifications.alertmanagers.urls[%d]" $index) $url) -}}
{{- if contains "?" $url -}}
{{- fail (printf "notifications.alertmanagers.urls[%d]: %s: the URL of an Alertmanager has no query (?...): leave it out" $index (include "ipsecping.origin" $url)) -}}
{{- end -}}
{{- end -}}
{{- with .webhook.url -}}
{{- include "ipsecping.validateURL" (list "notifications.webhook.url" .) -}}
{{- end -}}
{{- include "ipsecping.validateCredentials" (list "notifications.alertmanagers" .alertmanagers .alertmanagers.urls) -}}
{{- include "ipsecping.validateCredentials" (list "notifications.webhook" .webhook (list (.webhook.url | default ""))) -}}
{{- range $label, $value := .alertmanagers.labels -}}
{{- if has $label (list "alertname" "severity" "namespace" "check" "tunnel_name" "path" "target" "remote_ip" "gateway") -}}
{{- fail (printf "notifications.alertmanagers.labels.%s: alerts have that label already, of their check (spec.alerting.severity for severity): choose another name" $label) -}}
{{- end -}}
{{- end -}}
{{- if and .webhook.url .webhook.urlKey -}}
{{- fail "notifications.webhook.url and notifications.webhook.urlKey: only one of them" -}}
{{- end -}}
{{- range .alertmanagers.urls -}}
{{- if regexMatch "/api/v[12](/alerts)?/*$" . -}}
{{- fail (printf "notifications.alertmanagers.urls: %s: leave out what begins with /api, which the operator adds" (include "ipsecping.origin" .)) -}}
{{- end -}}
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
{{- if not .allow -}}
{{- fail "reflector.allow is empty: name the networks that probes come from, such as [10.244.0.0/16] (those of the pods)" -}}
{{- end -}}
{{- with .test.timeout -}}
{{- include "ipsecping.validateSpan" (list "reflector.test.timeout" . "1s" "") -}}
{{- end -}}
{{- include "ipsecping.validateNetworks" (list "reflector.allow" .allow) -}}
{{- include "ipsecping.validateNetworks" (list "reflector.service.loadBalancerSourceRanges" .service.loadBalancerSourceRanges) -}}
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

{{/* Refuse a time that the operator would not start with: the value's name, it, the least and the most ("": none). */}}
{{- define "ipsecping.validateSpan" -}}
{{- if not (regexMatch "^([0-9]{1,6}([.][0-9]{1,6})?(ms|s|m|h))+$" (toString (index . 1))) -}}
{{- fail (printf "%s: \"%v\" is not a duration such as 30s, 1m30s or 0.5ms: each number has its unit, ms, s, m or h (a day is 24h)" (index . 0) (index . 1)) -}}
{{- end -}}
{{- $value := include "ipsecping.seconds" (index . 1) | float64 -}}
{{- if lt $value (include "ipsecping.seconds" (index . 2) | float64) -}}
{{- fail (printf "%s: %s is too short: at least %s" (index . 0) (index . 1) (index . 2)) -}}
{{- end -}}
{{- if and (index . 3) (gt $value (include "ipsecping.seconds" (index . 3) | float64)) -}}
{{- fail (printf "%s: %s is too long: at most %s" (index . 0) (index . 1) (index . 3)) -}}
{{- end -}}
{{- end -}}

{{/* The seconds of a time such as 1m30s. */}}
{{- define "ipsecping.seconds" -}}
{{- $sum := 0.0 -}}
{{- $units := dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 -}}
{{- range regexFindAll "[0-9.]+(ms|s|m|h)" . -1 -}}
{{- $sum = addf $sum (mulf (regexFind "[0-9.]+" . | float64) (index $units (regexFind "[a-z]+" .))) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/* Refuse what is no quantity: the value's name, it, and the pattern of those that are taken. */}}
{{- define "ipsecping.validateQuantity" -}}
{{- if and (kindIs "string" (index . 1)) (not (regexMatch (index . 2) (index . 1))) -}}
{{- fail (printf "%s: %q is not a quantity such as 1, 0.5, 100m, 64Mi or 1G: at least 0, and its unit is one letter, with an i behind it for powers of 1024 (Mi, not MB)" (index . 0) (index . 1)) -}}
{{- end -}}
{{- end -}}

{{/* Refuse resources of a pod that it could not be made or work with: the value's name, and requests and limits. */}}
{{- define "ipsecping.validateResources" -}}
{{- $path := index . 0 -}}
{{- $requests := (index . 1).requests | default dict -}}
{{- range $kind, $given := pick (index . 1) "requests" "limits" -}}
{{- range $name, $quantity := pick ($given | default dict) "cpu" "memory" -}}
{{- $at := printf "%s.%s.%s" $path $kind $name -}}
{{- include "ipsecping.validateQuantity" (list $at $quantity "^[+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?$") -}}
{{- $amount := include "ipsecping.amount" $quantity | float64 -}}
{{- if and (eq $name "memory") (gt $amount 0.0) (lt $amount 1048576.0) -}}
{{- fail (printf "%s: %v is less than 1Mi: without a unit it is bytes (m: thousandths of one); write 64Mi for mebibytes" $at (toJson $quantity | trimAll "\"")) -}}
{{- end -}}
{{- if and (eq $name "cpu") (gt $amount 64.0) -}}
{{- fail (printf "%s: %v is more than 64 processors: a thousandth of one is written 1m, as in 100m" $at (toJson $quantity | trimAll "\"")) -}}
{{- end -}}
{{- if and (eq $name "cpu") (gt $amount 0.0) (lt $amount 0.001) -}}
{{- fail (printf "%s: %v is less than a thousandth of a processor, the least that there is: 1m" $at (toJson $quantity | trimAll "\"")) -}}
{{- end -}}
{{- if and (eq $kind "limits") (eq $amount 0.0) -}}
{{- fail (printf "%s: 0 is no limit at all: give an amount, or leave it out" $at) -}}
{{- end -}}
{{- if and (eq $kind "limits") (hasKey $requests $name) (gt (include "ipsecping.amount" (get $requests $name) | float64) $amount) -}}
{{- fail (printf "%s.requests.%s: must be at most the limit of %v, and is %v: no pod could be made" $path $name $quantity (get $requests $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The units of a quantity such as 500m or 64Mi. */}}
{{- define "ipsecping.amount" -}}
{{- $text := toString . -}}
{{- $units := dict "" 1.0 "n" 1e-9 "u" 1e-6 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 -}}
{{- if not (kindIs "string" .) -}}
{{- . -}}
{{- else if regexMatch "[eE][+-]?[0-9]+$" . -}}
{{- float64 . -}}
{{- else -}}
{{- mulf (regexFind "^[+]?[0-9.]+" $text | float64) (index $units (regexFind "[a-zA-Z]*$" $text)) -}}
{{- end -}}
{{- end -}}
