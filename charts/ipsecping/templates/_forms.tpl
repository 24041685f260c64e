{{/* Forms of text: the pattern, and what is said of a text that does not match it. No pattern: any text. */}}
{{- define "ipsecping.forms" -}}
text: {}
labelKey:
  pattern: ^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$
  words: is not a key such as team or example.com/team, with at most 63 letters, digits, -, _ and . behind the slash, and a letter or digit at both ends
labelValue:
  pattern: ^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$
  words: is not the value of a label, which has at most 63 letters, digits, -, _ and ., with a letter or digit at both ends
alertLabelKey:
  pattern: ^[a-zA-Z][a-zA-Z0-9_]{0,62}$
  words: is not the name of a label of Prometheus, which has at most 63 letters, digits and _, and a letter first
alertLabelValue:
  pattern: ^[^, \t\n]{1,63}$
  words: is not the value of such a label, which has 1 to 63 characters without blanks and commas
namespace:
  pattern: ^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$
  words: is not the name of a namespace, which has at most 63 lower-case letters, digits and -, with a letter or digit at both ends
namespaceOrAll:
  pattern: ^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?|[*])$
  words: is neither the name of a namespace (at most 63 lower-case letters, digits and -, with a letter or digit at both ends) nor "*" for all
objectName:
  pattern: ^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$
  words: is not the name of an object, which has lower-case letters, digits, - and ., with a letter or digit at both ends
permittedName:
  pattern: ^([A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?|([A-Za-z0-9][-A-Za-z0-9_./]*)?[*])$
  words: is not a name of letters, digits, -, _, . and /, with a letter or digit at both ends, or with * at its end for all that begin so
dataKey:
  pattern: ^[-._a-zA-Z0-9]+$
  words: is not a key of a Secret, which has letters, digits, -, _ and ., such as tls.crt
chartName:
  pattern: ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$
  words: cannot be part of the names of objects, which have lower-case letters, digits and -, with a letter or digit at both ends
namePrefix:
  pattern: ^[a-z]([-a-z0-9]*[a-z0-9])?$
  words: cannot be what names of objects begin with, which have lower-case letters, digits and -, a letter first and a letter or digit last
registry:
  pattern: ^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[a-z0-9._/-]+)?$
  words: is not a registry such as registry.example.com, registry.example.com:5000 or registry.example.com/mirror (without https://)
repository:
  pattern: ^([A-Za-z0-9.-]+(:[0-9]{1,5})?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(@sha256)?$
  words: is not the repository of an image, such as registry.example.com/team/ipsecping-operator, in lower case, without https://, and without a tag, which has a value of its own
tag:
  pattern: ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[a-f0-9]{64})?$
  words: is not the tag of an image, such as 1.4.0 with at most 128 letters, digits, -, _ and ., or one with its digest behind it, 1.4.0@sha256:... of 64 hexadecimal digits
image:
  pattern: ^([A-Za-z0-9][-A-Za-z0-9._/:@]*[*]?|[*])$
  words: is not an image such as registry.example.com/ipsecping:1.4.0, or with * at its end for all that begin so
runbookURL:
  pattern: ^[A-Za-z0-9._~/-][A-Za-z0-9._~:/?#@!$&()*+,;=%-]*$
  words: is not where docs/runbooks are, such as https://git.example.com/ipsecping/docs/runbooks, in which blanks, quotes, braces and what is beyond ASCII are escaped
source:
  pattern: ^[!-~]+$
  words: is not a URI reference such as ipsecping-operator or //prod.example.com/ipsecping, in which blanks and what is beyond ASCII are escaped
duration:
  pattern: ^([0-9]{1,6}(ms|s|m|h))+$
  words: is not a duration such as 30s or 1m30s, where each number has its unit, ms, s, m or h
loadBalancerClass:
  pattern: ^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$
  words: is not the class of a load balancer, such as internal or example.com/internal
{{- end -}}

{{/* Which values have which form. A star stands for each key of a map or item of a list; what has ~ at its end is about the keys.
     A form with ? at its end is that of a text that may be empty. */}}
{{- define "ipsecping.formed" -}}
global.imageRegistry: registry?
nameOverride: chartName?
fullnameOverride: namePrefix?
commonLabels~: labelKey
commonLabels.*: labelValue
commonAnnotations~: labelKey
commonAnnotations.*: text
image.repository: repository?
image.tag: tag?
probeImage.repository: repository?
probeImage.tag: tag?
imagePullSecrets.*.name: objectName
serviceAccount.name: objectName?
serviceAccount.annotations~: labelKey
serviceAccount.annotations.*: text
operator.namespaces.*: namespace
operator.allowHostNetwork.*: namespaceOrAll
operator.allowEveryNode.*: namespaceOrAll
operator.allowTargetFrom.*: namespaceOrAll
operator.allowTargets~: namespaceOrAll
operator.allowTargets.*.*: text
operator.allowPriorityClasses~: namespaceOrAll
operator.allowPriorityClasses.*.*: permittedName
operator.allowTolerations~: namespaceOrAll
operator.allowTolerations.*.*: permittedName
operator.allowPodLabels~: namespaceOrAll
operator.allowPodLabels.*.*: permittedName
operator.allowPodAnnotations~: namespaceOrAll
operator.allowPodAnnotations.*.*: permittedName
operator.allowCrossNamespaceAffinity.*: namespaceOrAll
operator.allowSecrets~: namespaceOrAll
operator.allowSecrets.*.*: permittedName
operator.allowConfigMaps~: namespaceOrAll
operator.allowConfigMaps.*.*: permittedName
operator.allowTextKeys.*: namespaceOrAll
operator.maxCPU~: namespaceOrAll
operator.maxMemory~: namespaceOrAll
operator.maxPacketRate~: namespaceOrAll
operator.maxBitRate~: namespaceOrAll
probeDefaults.nodeSelector~: labelKey
probeDefaults.nodeSelector.*: labelValue
probeDefaults.priorityClassName: objectName?
probeDefaults.labels~: labelKey
probeDefaults.labels.*: labelValue
probeDefaults.annotations~: labelKey
probeDefaults.annotations.*: text
probeDefaults.imagePullSecrets.*.name: objectName
probeDefaults.runtimeClassName: objectName?
nodeSelector~: labelKey
nodeSelector.*: labelValue
priorityClassName: objectName?
podAnnotations~: labelKey
podAnnotations.*: text
podLabels~: labelKey
podLabels.*: labelValue
networkPolicies.agentNamespaces.*: namespace
admissionPolicy.images.*: image
reflector.allow.*: text
reflector.keys.secretName: objectName?
reflector.keys.key: dataKey
reflector.service.annotations~: labelKey
reflector.service.annotations.*: text
reflector.service.loadBalancerClass: loadBalancerClass?
reflector.service.loadBalancerSourceRanges.*: text
reflector.nodeSelector~: labelKey
reflector.nodeSelector.*: labelValue
reflector.priorityClassName: objectName?
reflector.podAnnotations~: labelKey
reflector.podAnnotations.*: text
reflector.podLabels~: labelKey
reflector.podLabels.*: labelValue
reflector.test.namespace: namespace?
monitoring.podMonitor.labels~: labelKey
monitoring.podMonitor.labels.*: labelValue
monitoring.podMonitor.interval: duration?
monitoring.serviceMonitor.labels~: labelKey
monitoring.serviceMonitor.labels.*: labelValue
monitoring.serviceMonitor.interval: duration?
monitoring.prometheusRule.labels~: labelKey
monitoring.prometheusRule.labels.*: labelValue
monitoring.prometheusRule.runbookURL: runbookURL
notifications.alertmanagers.urls.*: text
notifications.alertmanagers.labels~: alertLabelKey
notifications.alertmanagers.labels.*: alertLabelValue
notifications.alertmanagers.runbookURL: runbookURL
notifications.alertmanagers.secretName: objectName?
notifications.alertmanagers.bearerTokenKey: dataKey?
notifications.alertmanagers.basicAuthKey: dataKey?
notifications.alertmanagers.caKey: dataKey?
notifications.webhook.url: text
notifications.webhook.urlKey: dataKey?
notifications.webhook.source: source
notifications.webhook.secretName: objectName?
notifications.webhook.keysKey: dataKey
notifications.webhook.bearerTokenKey: dataKey?
notifications.webhook.basicAuthKey: dataKey?
notifications.webhook.caKey: dataKey?
dashboards.labels~: labelKey
dashboards.labels.*: labelValue
dashboards.annotations~: labelKey
dashboards.annotations.*: text
metrics.service.annotations~: labelKey
metrics.service.annotations.*: text
{{- end -}}

{{/* Values without which nothing is made of the map that they are in. */}}
{{- define "ipsecping.needed" -}}
image probeImage crds crds.install rbac rbac.aggregate serviceAccount operator operator.diagnosis operator.logLevel
operator.logFormat operator.statusInterval operator.resyncInterval operator.leaseDuration probeDefaults fixedUser
networkPolicies networkPolicies.enabled admissionPolicy
notifications.alertmanagers notifications.alertmanagers.repeat notifications.alertmanagers.runbookURL
notifications.webhook notifications.webhook.url notifications.webhook.source notifications.webhook.keysKey
reflector.ports reflector.keys reflector.keys.key reflector.limits reflector.service reflector.service.type
reflector.service.externalTrafficPolicy reflector.service.nodePorts reflector.test reflector.test.timeout
dashboards metrics metrics.service metrics.service.enabled
monitoring monitoring.podMonitor monitoring.serviceMonitor monitoring.prometheusRule monitoring.prometheusRule.runbookURL
{{- end -}}

{{/* Refuse values that null has taken away, all of them at once. Call with $ . */}}
{{- define "ipsecping.validateNeeded" -}}
{{- $missing := list -}}
{{- range regexSplit "\\s+" (include "ipsecping.needed" .) -1 -}}
{{- $parts := splitList "." . -}}
{{- $map := $.Values -}}
{{- range initial $parts }}{{ $map = kindIs "map" $map | ternary (index ($map | default dict) .) nil }}{{ end -}}
{{- if and (kindIs "map" $map) (kindIs "invalid" (index ($map | default dict) (last $parts))) -}}
{{- $missing = append $missing . -}}
{{- end -}}
{{- end -}}
{{- with $missing -}}
{{- fail (printf "%s: not there, for null takes away what the chart has: leave it out. Where --reuse-values keeps the values of an older chart, upgrade with --reset-then-reuse-values instead" (join ", " .)) -}}
{{- end -}}
{{- end -}}

{{/* Refuse values that are not of their form, all of them at once. Call with $ . */}}
{{- define "ipsecping.validateForms" -}}
{{- $forms := include "ipsecping.forms" . | fromYaml -}}
{{- $found := list -}}
{{- range $path, $form := include "ipsecping.formed" . | fromYaml -}}
{{- $keys := hasSuffix "~" $path -}}
{{- range include "ipsecping.valuesAt" (list "" $.Values (splitList "." (trimSuffix "~" $path))) | fromJsonArray -}}
{{- if .list -}}
{{- $found = append $found (printf "%s: %s is no list, which is needed: [%s] in a file, {%s} in --set" .path (toJson .value) (toJson .value) (toString .value)) -}}
{{- else if and $keys (kindIs "map" .value) -}}
{{- $at := .path -}}
{{- range $key, $_ := .value -}}
{{- $found = append $found (include "ipsecping.misformed" (list $at $key (get $forms $form) "key ")) -}}
{{- end -}}
{{- else if not (or $keys (and (hasSuffix "?" $form) (eq (toJson .value) "\"\""))) -}}
{{- $found = append $found (include "ipsecping.misformed" (list .path .value (get $forms (trimSuffix "?" $form)) "")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with compact $found -}}
{{- fail (join "\n" .) -}}
{{- end -}}
{{- end -}}

{{/* The values at a path, as JSON, each with its own path: what that begins with, a value, and the parts of the path that are left.
     Where a list is needed and is none, that is the value. */}}
{{- define "ipsecping.valuesAt" -}}
{{- $at := index . 0 -}}
{{- $value := index . 1 -}}
{{- $left := index . 2 -}}
{{- $found := list -}}
{{- if not $left -}}
{{- $found = append $found (dict "path" $at "value" $value) -}}
{{- else if eq (first $left) "*" -}}
{{- if kindIs "map" $value -}}
{{- range $key, $inner := $value -}}
{{- $found = concat $found (include "ipsecping.valuesAt" (list (printf "%s.%s" $at $key) $inner (rest $left)) | fromJsonArray) -}}
{{- end -}}
{{- else if kindIs "slice" $value -}}
{{- range $index, $inner := $value -}}
{{- $found = concat $found (include "ipsecping.valuesAt" (list (printf "%s[%d]" $at $index) $inner (rest $left)) | fromJsonArray) -}}
{{- end -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $found = append $found (dict "path" $at "value" $value "list" true) -}}
{{- end -}}
{{- else if and (kindIs "map" $value) (hasKey $value (first $left)) -}}
{{- $found = include "ipsecping.valuesAt" (list (trimPrefix "." (printf "%s.%s" $at (first $left))) (get $value (first $left)) (rest $left)) | fromJsonArray -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* What is wrong with a text; empty where nothing is. Call with path, value, form, and a word for what it is. */}}
{{- define "ipsecping.misformed" -}}
{{- $path := index . 0 -}}
{{- $value := index . 1 -}}
{{- $form := index . 2 -}}
{{- if kindIs "string" $value -}}
{{- if and $form.pattern (not (regexMatch $form.pattern $value)) -}}
{{- printf "%s: %s%q %s" $path (index . 3) (trunc 80 $value) $form.words -}}
{{- end -}}
{{- else if kindIs "map" $value -}}
{{- printf "%s: is a map, and text is needed: in a key that --set is given, each dot is written \\. (example\\.com/team)" $path -}}
{{- else if kindIs "slice" $value -}}
{{- printf "%s: is a list, and text is needed" $path -}}
{{- else if kindIs "invalid" $value -}}
{{- printf "%s: is null, and text is needed: leave it out" $path -}}
{{- else -}}
{{- printf "%s: %s is a %s, and text is needed: put it in quotes (%q), or give it by --set-string" $path (toJson $value) (kindIs "bool" $value | ternary "boolean" "number") (toJson $value) -}}
{{- end -}}
{{- end -}}
