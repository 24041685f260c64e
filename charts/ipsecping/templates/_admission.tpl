{{/* CEL: whether a name is among patterns, which are names, or beginnings of names that end in "*".
     Call with (list "expression of the name" "expression of the patterns"). */}}
{{- define "ipsecping.cel.matches" -}}
{{- $name := index . 0 -}}
{{ index . 1 }}.exists(pattern, pattern == {{ $name }} || (pattern.endsWith("*") && {{ $name }}.startsWith(pattern.substring(0, size(pattern) - 1))))
{{- end -}}

{{/* CEL: what a value by namespace says of the request's. Call with (list values "expression of the default"). */}}
{{- define "ipsecping.cel.ofNamespace" -}}
{{- $given := index . 0 | default dict -}}
{{- if hasKey $given "*" -}}
{{- $given | toJson -}}[request.namespace in {{ keys $given | sortAlpha | toJson }} ? request.namespace : "*"]
{{- else if $given -}}
request.namespace in {{ keys $given | sortAlpha | toJson }} ? {{ $given | toJson }}[request.namespace] : {{ index . 1 }}
{{- else -}}
{{ index . 1 }}
{{- end -}}
{{- end -}}

{{/* CEL: whether a list of namespaces has the request's. */}}
{{- define "ipsecping.cel.holds" -}}
{{- if has "*" . }}true{{ else }}request.namespace in {{ . | default list | toJson }}{{ end -}}
{{- end -}}

{{/* Amounts as text, as CEL's quantity() takes them. */}}
{{- define "ipsecping.amounts" -}}
{{- $texts := dict -}}
{{- range $namespace, $amount := . -}}
{{- if kindIs "float64" $amount }}{{ $amount = int64 $amount }}{{ end -}}
{{- $_ := set $texts $namespace (toString $amount) -}}
{{- end -}}
{{- $texts | toJson -}}
{{- end -}}

{{/* The policy of what a workload of the operator's account may be. It lists what children/pod.py makes, and refuses all
     else, also fields that Kubernetes does not have yet. Call with (list $ "name of the account"). */}}
{{- define "ipsecping.workloadPolicy" -}}
{{- $root := index . 0 -}}
{{- $operator := $root.Values.operator -}}
{{- $defaults := include "ipsecping.probeDefaults" $root | fromJson -}}
{{- $fixed := ternary (dict "runAsUser" 65532 "runAsGroup" 65532) dict $root.Values.fixedUser -}}
{{- $security := mergeOverwrite (dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault")) $fixed ($defaults.securityContext | default dict) -}}
{{- $groups := ternary (printf "%d %d" (int64 ($security.runAsGroup | default 0)) (int64 ($security.runAsGroup | default 0))) "0 2147483647" (hasKey $security "runAsGroup") -}}
{{- $images := $root.Values.admissionPolicy.images | default (list (include "ipsecping.image" (list $root "probeImage"))) -}}
# What the pods are that the operator may have started: what checks are made of, within what the values permit them.
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  {{- include "ipsecping.metadata" (dict "root" $root "name" (printf "%s-workloads" (include "ipsecping.name" $root))) | nindent 2 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: [apps]
        apiVersions: ["*"]
        operations: [CREATE, UPDATE]
        resources: [deployments, daemonsets]
      - apiGroups: [batch]
        apiVersions: ["*"]
        operations: [CREATE, UPDATE]
        resources: [cronjobs, jobs]
  matchConditions:
    - name: operator
      expression: request.userInfo.username == {{ index . 1 | quote }}
  variables:
    # What the values permit in the request's namespace.
    - name: images
      expression: {{ $images | toJson | squote }}
    - name: secrets
      expression: >-
        ["ipsecping-*"] + ({{ include "ipsecping.cel.ofNamespace" (list $operator.allowSecrets "[]") }})
    - name: configMaps
      expression: >-
        ["ipsecping-*"] + ({{ include "ipsecping.cel.ofNamespace" (list $operator.allowConfigMaps "[]") }})
    - name: priorityClasses
      expression: >-
        {{ include "ipsecping.cel.ofNamespace" (list $operator.allowPriorityClasses "[]") }}
    - name: podLabels
      expression: >-
        {{ include "ipsecping.cel.ofNamespace" (list $operator.allowPodLabels "[]") }}
    - name: podAnnotations
      expression: >-
        ["kubectl.kubernetes.io/restartedAt"] + ({{ include "ipsecping.cel.ofNamespace" (list $operator.allowPodAnnotations "[]") }})
    # Keys of taints; of a namespace without an entry, what is no name of one: see below.
    - name: taints
      expression: >-
        {{ include "ipsecping.cel.ofNamespace" (list $operator.allowTolerations "[\"ordinary taints\"]") }}
    - name: most
      expression: >-
        {"cpu": {{ include "ipsecping.cel.ofNamespace" (list (merge (include "ipsecping.amounts" $operator.maxCPU | fromJson) (dict "*" "1")) "") }},
        "memory": {{ include "ipsecping.cel.ofNamespace" (list (merge (include "ipsecping.amounts" $operator.maxMemory | fromJson) (dict "*" "512Mi")) "") }}}
    # What the defaults of all probe pods add: labels and annotations by key.
    - name: givenLabels
      expression: '{{ merge ($defaults.labels | default dict | deepCopy) (include "ipsecping.noMeshLabels" $root | fromJson) | toJson | replace "'" "''" }}'
    - name: givenAnnotations
      expression: '{{ merge ($defaults.annotations | default dict | deepCopy) (include "ipsecping.noMeshAnnotations" $root | fromJson) | toJson | replace "'" "''" }}'
    - name: ownLabels
      expression: '["app.kubernetes.io/name", "app.kubernetes.io/managed-by", "ipsecping.dev/check", "ipsecping.dev/check-uid", "ipsecping.dev/path"]'
    # What pods have whose check says nothing of resources, also where less is permitted.
    - name: usual
      expression: '{"cpu": "10m", "memory": "128Mi"}'
    # What is asked for.
    - name: job
      expression: >-
        request.resource.resource in ["deployments", "daemonsets"] ? {} :
        request.resource.resource == "cronjobs" ? object.spec.jobTemplate.spec : object.spec
    - name: template
      expression: 'request.resource.resource in ["deployments", "daemonsets"] ? object.spec.template : variables.job.template'
    - name: labels
      expression: 'has(object.metadata.labels) ? object.metadata.labels : {}'
    - name: templateLabels
      expression: 'has(variables.template.metadata) && has(variables.template.metadata.labels) ? variables.template.metadata.labels : {}'
    - name: templateAnnotations
      expression: 'has(variables.template.metadata) && has(variables.template.metadata.annotations) ? variables.template.metadata.annotations : {}'
    - name: pod
      expression: variables.template.spec
    - name: container
      expression: variables.pod.containers[0]
    - name: podSecurity
      expression: 'has(variables.pod.securityContext) ? variables.pod.securityContext : {}'
    - name: security
      expression: 'has(variables.container.securityContext) ? variables.container.securityContext : {}'
    - name: hostNetwork
      expression: has(variables.pod.hostNetwork) && variables.pod.hostNetwork
    - name: volumes
      expression: 'has(variables.pod.volumes) ? variables.pod.volumes : []'
    - name: podAffinities
      expression: >-
        has(variables.pod.affinity) ? ["podAffinity", "podAntiAffinity"].filter(kind, kind in variables.pod.affinity)
        .map(kind, variables.pod.affinity[kind]) : []
    # Namespaces whose pods others may be placed by: those that the defaults of all probe pods name.
    - name: neighbours
      expression: '[request.namespace]{{ with include "ipsecping.namedNamespaces" $defaults | fromJsonArray }} + {{ . | toJson }}{{ end }}'
  validations:
    - message: >-
        a workload of the operator runs one pod at a time (a DaemonSet, one on each node), which it selects by its check's
        UID
      expression: >-
        (request.resource.resource in ["deployments", "daemonsets"] ?
        (!has(object.spec.replicas) || object.spec.replicas <= 1) && !has(object.spec.selector.matchExpressions) &&
        has(object.spec.selector.matchLabels) && "ipsecping.dev/check-uid" in object.spec.selector.matchLabels :
        (!has(variables.job.parallelism) || variables.job.parallelism <= 1) &&
        (!has(variables.job.completions) || variables.job.completions <= 1) &&
        (!has(variables.job.manualSelector) || !variables.job.manualSelector))
    - message: >-
        labels of the operator's pods name their check, and others take probeDefaults.labels or operator.allowPodLabels
      expression: >-
        (!has(variables.template.metadata) ||
        variables.template.metadata.all(key, key in ["annotations", "creationTimestamp", "labels"])) &&
        variables.templateLabels.all(key, key in variables.ownLabels ?
        (key in variables.labels && variables.labels[key] == variables.templateLabels[key]) :
        (key in variables.givenLabels && variables.givenLabels[key] == variables.templateLabels[key]) ||
        (request.resource.resource == "jobs" && key in ["controller-uid", "job-name", "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name"]) ||
        ({{ include "ipsecping.cel.matches" (list "key" "variables.podLabels") }}))
    - message: annotations of the operator's pods take probeDefaults.annotations or operator.allowPodAnnotations
      expression: >-
        variables.templateAnnotations.all(key,
        (key in variables.givenAnnotations && variables.givenAnnotations[key] == variables.templateAnnotations[key]) ||
        {{ include "ipsecping.cel.matches" (list "key" "variables.podAnnotations") }})
    - message: >-
        the operator's pods have no service account and no fields but those that its checks need
      expression: >-
        variables.pod.all(key, key in ["affinity", {{ with $defaults.dnsConfig }}"dnsConfig", {{ end }}{{ with $defaults.runtimeClassName }}"runtimeClassName", {{ end -}}
        "automountServiceAccountToken", "containers", "dnsPolicy",
        "enableServiceLinks", "hostNetwork", "imagePullSecrets", "nodeSelector", "priorityClassName", "restartPolicy",
        "schedulerName", "securityContext", "terminationGracePeriodSeconds", "tolerations", "volumes"]) &&
        has(variables.pod.automountServiceAccountToken) && !variables.pod.automountServiceAccountToken &&
        (!has(variables.pod.schedulerName) || variables.pod.schedulerName == "default-scheduler") &&
        {{- with $defaults.dnsConfig }}
        {{ include "ipsecping.cel.is" (list "variables.pod.dnsConfig" .) }} &&
        {{- end }}
        {{- with $defaults.runtimeClassName }}
        variables.pod.runtimeClassName == {{ toJson . }} &&
        {{- end }}
        (!has(variables.pod.dnsPolicy) || variables.pod.dnsPolicy in {{ list "ClusterFirst" "ClusterFirstWithHostNet" ($defaults.dnsPolicy | default "ClusterFirst") | uniq | toJson }})
    - message: the operator's pods have one container, probe, and no fields of it but those that its checks need
      expression: >-
        size(variables.pod.containers) == 1 && variables.container.name == "probe" &&
        variables.container.all(key, key in ["args", "env", "image", "imagePullPolicy", "livenessProbe", "name", "ports",
        "readinessProbe", "resources", "securityContext", "terminationMessagePath", "terminationMessagePolicy",
        "volumeMounts"])
    - message: >-
        the operator's pods run the probe image (admissionPolicy.images, by default probeImage)
      expression: >-
        {{ include "ipsecping.cel.matches" (list "variables.container.image" "variables.images") }}
    - message: the operator's pods run an agent, one round or one diagnosis, by the plan
      expression: >-
        has(variables.container.args) &&
        (variables.container.args.join(" ").matches(
        "^run /etc/ipsecping/plan[.]json --termination-log /dev/termination-log( --delay [0-9]+ms)?$") &&
        size(variables.container.args) in [4, 6] ||
        (size(variables.container.args) == 6 && (variables.container.args.join(" ").matches(
        "^diagnose /etc/ipsecping/plan[.]json --request [0-9a-f]+ --termination-log /dev/termination-log$") ||
        variables.container.args.join(" ")
        .matches("^agent /etc/ipsecping/plan[.]json --listen :[0-9]+ --health :[0-9]+$"))))
    - message: the environment of the operator's pods is their UID
      expression: >-
        !has(variables.container.env) || variables.container.env.all(each, each.name == "POD_UID" && size(each) == 2 &&
        has(each.valueFrom) && size(each.valueFrom) == 1 && has(each.valueFrom.fieldRef) &&
        each.valueFrom.fieldRef.fieldPath == "metadata.uid")
    - message: the operator's pods meet the restricted Pod Security level, as their user on a read-only root file system
      expression: >-
        variables.podSecurity.all(key, key in {{ append (keys $security) "sysctls" | sortAlpha | toJson }}) &&
        {{ include "ipsecping.cel.has" (list "variables.podSecurity" $security) }} &&
        (!has(variables.podSecurity.sysctls) || (!variables.hostNetwork && variables.podSecurity.sysctls.all(each,
        each.name == "net.ipv4.ping_group_range" && each.value == {{ $groups | quote }}))) &&
        variables.security.all(key, key in ["allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem"]) &&
        has(variables.security.allowPrivilegeEscalation) && !variables.security.allowPrivilegeEscalation &&
        has(variables.security.readOnlyRootFilesystem) && variables.security.readOnlyRootFilesystem &&
        has(variables.security.capabilities) && variables.security.capabilities == {"drop": ["ALL"]}
    - message: >-
        the node's own network takes operator.allowHostNetwork, and ports of the node take the node's own network
      expression: >-
        (!variables.hostNetwork || {{ include "ipsecping.cel.holds" $operator.allowHostNetwork }}) &&
        (!has(variables.container.ports) || variables.container.ports.all(each, !has(each.hostIP) &&
        (!has(each.hostPort) || (variables.hostNetwork && each.hostPort == each.containerPort))))
    - message: a pod on each node takes operator.allowEveryNode
      expression: >-
        request.resource.resource != "daemonsets" || {{ include "ipsecping.cel.holds" $operator.allowEveryNode }}
    - message: the kubelet asks the operator's pods for their health only, at their own port
      expression: >-
        ["livenessProbe", "readinessProbe"].all(kind, !(kind in variables.container) ||
        (variables.container[kind].all(key, key in ["failureThreshold", "httpGet", "periodSeconds", "successThreshold",
        "timeoutSeconds"]) && has(variables.container[kind].httpGet) &&
        variables.container[kind].httpGet.all(key, key in ["path", "port", "scheme"]) &&
        variables.container[kind].httpGet.path == "/healthz" && variables.container[kind].httpGet.port == "health"))
    - message: >-
        the operator's pods mount their plan, and Secrets and ConfigMaps named ipsecping-... or by operator.allowSecrets
        and operator.allowConfigMaps
      expression: >-
        variables.volumes.all(each, size(each) == 2 && (each.name == "plan" ?
        has(each.configMap) && each.configMap.all(key, key in ["defaultMode", "name"]) &&
        each.configMap.name.startsWith("ipsecping-") :
        each.name == "files" && has(each.projected) && has(each.projected.sources) &&
        each.projected.sources.all(source, size(source) == 1 &&
        (has(source.secret) ? {{ include "ipsecping.cel.matches" (list "source.secret.name" "variables.secrets") }} :
        has(source.configMap) && {{ include "ipsecping.cel.matches" (list "source.configMap.name" "variables.configMaps") }}))))
    - message: the operator's pods have their plan and files in their places, to read only
      expression: >-
        !has(variables.container.volumeMounts) || variables.container.volumeMounts.all(each,
        each.all(key, key in ["mountPath", "name", "readOnly"]) && has(each.readOnly) && each.readOnly &&
        (each.name == "plan" ? each.mountPath == "/etc/ipsecping" : each.mountPath == "/etc/ipsecping-files"))
    - message: >-
        priority classes of the operator's pods take operator.allowPriorityClasses, and those that begin with system- an
        entry that does
      expression: >-
        !has(variables.pod.priorityClassName) || variables.pod.priorityClassName == {{ $defaults.priorityClassName | default "" | toJson }} ||
        {{ include "ipsecping.cel.matches" (list "variables.pod.priorityClassName" "variables.priorityClasses.filter(entry, entry.startsWith(\"system-\") || !variables.pod.priorityClassName.startsWith(\"system-\"))") }}
    - message: tolerations of the operator's pods take operator.allowTolerations
      expression: >-
        !has(variables.pod.tolerations) || variables.pod.tolerations.all(each,
        {{- range $defaults.tolerations }}
        ({{ include "ipsecping.cel.is" (list "each" .) }}) ||
        {{- end }}
        (has(each.key) && each.key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] &&
        has(each.effect) && each.effect == "NoExecute" && has(each.tolerationSeconds) && each.tolerationSeconds <= 300) ||
        (variables.taints == ["ordinary taints"] ?
        has(each.key) && each.key != "" && !each.key.matches("^([^/]*[.])?(kubernetes|k8s)[.]io/") &&
        has(each.effect) && each.effect in ["NoSchedule", "PreferNoSchedule"] :
        {{ include "ipsecping.cel.matches" (list "(has(each.key) ? each.key : \"\")" "variables.taints") }}))
    - message: affinity to pods of other namespaces takes operator.allowCrossNamespaceAffinity
      expression: >-
        ({{ include "ipsecping.cel.holds" $operator.allowCrossNamespaceAffinity }}) || variables.podAffinities.all(each,
        (!has(each.requiredDuringSchedulingIgnoredDuringExecution) ||
        each.requiredDuringSchedulingIgnoredDuringExecution.all(term, !has(term.namespaceSelector) &&
        (!has(term.namespaces) || term.namespaces.all(name, name in variables.neighbours)))) &&
        (!has(each.preferredDuringSchedulingIgnoredDuringExecution) ||
        each.preferredDuringSchedulingIgnoredDuringExecution.all(weighted, !has(weighted.podAffinityTerm.namespaceSelector) &&
        (!has(weighted.podAffinityTerm.namespaces) ||
        weighted.podAffinityTerm.namespaces.all(name, name in variables.neighbours)))))
    - message: resources of the operator's pods are cpu and memory, limited by operator.maxCPU and operator.maxMemory
      expression: >-
        has(variables.container.resources) && has(variables.container.resources.limits) &&
        "memory" in variables.container.resources.limits &&
        variables.container.resources.all(kind, kind in ["limits", "requests"] &&
        variables.container.resources[kind].all(name, name in ["cpu", "memory"] &&
        {{- with $defaults.resources }}
        {{- range $kind, $amounts := . }}
        {{- range $name, $amount := $amounts }}
        (name == {{ toJson $name }} && quantity(variables.container.resources[kind][name]).compareTo(quantity({{ toString $amount | quote }})) <= 0) ||
        {{- end }}
        {{- end }}
        {{- end }}
        [variables.most, variables.usual].exists(amounts,
        !quantity(variables.container.resources[kind][name]).isGreaterThan(quantity(amounts[name])))))
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  {{- include "ipsecping.metadata" (dict "root" $root "name" (printf "%s-workloads" (include "ipsecping.name" $root))) | nindent 2 }}
spec:
  policyName: {{ include "ipsecping.name" $root }}-workloads
  validationActions: [Deny]
{{- end -}}
