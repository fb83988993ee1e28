{{- define "gateway.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* Of one part: (list . "dataplane") */}}
{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ (index . 0).Chart.Name }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
{{- end }}

{{/* (list . .Values.image.dataPlane) */}}
{{- define "gateway.image" -}}
{{ (index . 1).repository }}:{{ (index . 1).tag | default (index . 0).Chart.AppVersion }}
{{- end }}

{{- define "gateway.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "gateway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "gateway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "gateway.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "gateway.controlPlane" -}}{{ include "gateway.name" . }}-controlplane{{- end }}
{{- define "gateway.dataPlane" -}}{{ include "gateway.name" . }}-dataplane{{- end }}
{{- define "gateway.configMap" -}}{{ .Values.config.existingConfigMap | default (printf "%s-config" (include "gateway.name" .)) }}{{- end }}

{{- define "gateway.controlPlaneSecret" -}}
{{- if eq .Values.tls.mode "existing" }}{{ required "tls.controlPlaneSecret: with tls.mode existing its name is needed" .Values.tls.controlPlaneSecret }}{{ else }}{{ include "gateway.controlPlane" . }}-tls{{ end }}
{{- end }}
{{- define "gateway.dataPlaneSecret" -}}
{{- if eq .Values.tls.mode "existing" }}{{ required "tls.dataPlaneSecret: with tls.mode existing its name is needed" .Values.tls.dataPlaneSecret }}{{ else }}{{ include "gateway.dataPlane" . }}-tls{{ end }}
{{- end }}

{{/* "true" where control planes share a store. */}}
{{- define "gateway.isShared" -}}
{{- if .Values.settings.MYSQL_HOST }}true{{ end }}
{{- end }}
