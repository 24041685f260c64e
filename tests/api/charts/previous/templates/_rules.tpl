{{/* What the operator may do in the namespaces that it serves. It reads no Secret of these, and starts pods
     through its workloads only. A test runs the operator with these rights and fails when one is missing or unused. */}}
{{- define "ipsecping.rules" -}}
- apiGroups: [ipsecping.dev]
  resources: [ipsectunnelchecks]
  verbs: [list, watch]
- apiGroups: [ipsecping.dev]
  resources: [ipsectunnelchecks/status]
  verbs: [patch]
# The children of a check. Server-side apply of an object that is not there yet needs create as well.
- apiGroups: [apps]
  resources: [deployments, daemonsets]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [cronjobs]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [list, watch, create, patch, delete]
# Where results come from: agents by their address, finished rounds by the pod's status. An annotation on a
# pod makes the kubelet look at the plan at once.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch]
{{- if .Values.operator.allowTargetFrom }}
# Targets that are looked up (spec.targetFrom): of Services here, of pods above.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
{{- end }}
# Between a pod and the workload it belongs to.
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get, list]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list]
# An extra round of a CronJob (annotation ipsecping.dev/run-now), and a diagnosis.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create]
# What happens to a check; and why a Job or a DaemonSet of it gets no pod, which only events say.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list, create]
{{- end -}}
