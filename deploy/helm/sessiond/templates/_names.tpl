{{/* What this release's objects are called: room is left for -headless. */}}
{{- define "sessiond.fullname" -}}
{{- $name := .Release.Name -}}
{{- if not (contains "sessiond" $name) -}}{{- $name = printf "%s-sessiond" $name -}}{{- end -}}
{{- $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* The labels by which a server's pod is known. */}}
{{- define "sessiond.selector" -}}
app.kubernetes.io/name: sessiond
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end -}}

{{/* The labels of everything that is no server's pod. */}}
{{- define "sessiond.labels" -}}
{{- with .Values.commonLabels }}{{ toYaml . }}
{{ end -}}
app.kubernetes.io/name: sessiond
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* An image, of (list IMAGE CONTEXT): its digest wins over its tag. */}}
{{- define "sessiond.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (index . 1).Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "sessiond.serviceAccountName" -}}
{{- $own := ternary (include "sessiond.fullname" .) "default" .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default $own -}}
{{- end -}}

{{/* The Secret with the servers' keys and passwords, which nobody but the operator makes. */}}
{{- define "sessiond.existingSecret" -}}
{{- required (printf "existingSecret: found nothing; name a Secret of this namespace, with the files that %s"
  "`config` names below /run/secrets/sessiond") .Values.existingSecret -}}
{{- end -}}
