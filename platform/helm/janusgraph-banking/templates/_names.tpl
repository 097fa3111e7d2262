{{/* Labels of everything that the chart makes. */}}
{{- define "platform.labels" -}}
app.kubernetes.io/part-of: janusgraph-banking
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "platform.janusgraphSelector" -}}
app.kubernetes.io/name: janusgraph
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "platform.graphSchemaSelector" -}}
app.kubernetes.io/name: graph-schema
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/*
The CassandraDatacenter's own name. cass-operator calls its objects <cluster>-<this>-…, so that `hcd-paris` of the cluster `hcd` is the
object `paris`, and its pods are hcd-paris-rack1-sts-0 and so on.
*/}}
{{- define "platform.datacenterObject" -}}
{{- $prefix := printf "%s-" .Values.datacenter.cluster -}}
{{- if not (hasPrefix $prefix .Values.datacenter.name) -}}
{{- fail (printf "datacenter.name must begin with the cluster's name and a dash (%s…), because cass-operator puts it before every object's name; it is %s" $prefix .Values.datacenter.name) -}}
{{- end -}}
{{- trimPrefix $prefix .Values.datacenter.name -}}
{{- end }}

{{- define "platform.datacenterSelector" -}}
cassandra.datastax.com/cluster: {{ .Values.datacenter.cluster }}
cassandra.datastax.com/datacenter: {{ include "platform.datacenterObject" . }}
{{- end }}

{{/* Where a CQL client connects: the nodes that are ready. */}}
{{- define "platform.datacenterService" -}}
{{ .Values.datacenter.name }}-service
{{- end }}

{{- define "platform.cqlSecret" -}}
{{- .Values.janusgraph.cqlSecret | default .Values.datacenter.superuserSecret | default (printf "%s-superuser" .Values.datacenter.cluster) -}}
{{- end }}

{{- define "platform.janusgraphImage" -}}
{{- with .Values.janusgraph.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end -}}
{{- end -}}
{{- end }}

{{/* Nothing that a sync, a deletion of the application or `helm uninstall` removes: the data is deleted by a person who means it. */}}
{{- define "platform.guards" -}}
argocd.argoproj.io/sync-options: Prune=false,Delete=false
helm.sh/resource-policy: keep
{{- end }}

{{- define "platform.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "platform.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.janusgraph.user }}
runAsGroup: {{ .Values.janusgraph.user }}
fsGroup: {{ .Values.janusgraph.user }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}
