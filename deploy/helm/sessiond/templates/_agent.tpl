{{/*
sessiond-agent as a native sidecar, for a chart of yours that has this one among its dependencies:

  initContainers:
    - {{ include "sessiond.agent.container" .Subcharts.sessiond | indent 6 | trim }}
  containers:
    - env: {{- include "sessiond.agent.env" .Subcharts.sessiond | nindent 8 }}
      volumeMounts: {{- include "sessiond.agent.volumeMounts" .Subcharts.sessiond | nindent 8 }}
  volumes: {{- include "sessiond.agent.volumes" .Subcharts.sessiond | nindent 4 }}

The pod needs an fsGroup, by which its containers enter the socket. No secret is in it: the agent shows the
token of the pod's service account.
*/}}

{{/* A directory of the agent's own, because that of the volume can be written by every user. */}}
{{- define "sessiond.agent.address" -}}
unix:/run/sessiond/private/agent.sock
{{- end -}}

{{- define "sessiond.agent.servers" -}}
{{- $own := printf "dns:///%s-headless.%s.svc:50051" (include "sessiond.fullname" .) .Release.Namespace -}}
{{- .Values.sidecar.servers | default $own -}}
{{- end -}}

{{- define "sessiond.agent.serverName" -}}
{{- $own := printf "%s.%s.svc" (include "sessiond.fullname" .) .Release.Namespace -}}
{{- .Values.sidecar.serverName | default $own -}}
{{- end -}}

{{/* The flags of sidecar.config as a list in YAML; those that the pod depends on are refused. */}}
{{- define "sessiond.agent.flags" -}}
{{- $flags := list -}}
{{- range splitList "\n" .Values.sidecar.config -}}
{{- $flag := trim . -}}
{{- if and $flag (not (hasPrefix "#" $flag)) -}}
{{- if not (regexMatch "^--[a-z]" $flag) -}}
{{- printf "sidecar.config: found %q, allowed are flags of sessiond-agent, one a line" $flag | fail -}}
{{- end -}}
{{- $own := "servers|server-name|ca-file|token-file|(cert-)?key-file|cert-file|listen|socket-mode|http" -}}
{{- if regexMatch (printf "^--(%s)([ =]|$)" $own) $flag -}}
{{- printf "sidecar.config: found %q, which the chart sets itself" $flag | fail -}}
{{- end -}}
{{- $flags = append $flags $flag -}}
{{- end -}}
{{- end -}}
{{- toYaml $flags -}}
{{- end -}}

{{- define "sessiond.agent.container" -}}
{{- if semverCompare "<1.29.0-0" .Capabilities.KubeVersion.Version -}}
{{- printf "sidecar: found Kubernetes %s, but native sidecars, which start before the other containers %s"
  .Capabilities.KubeVersion.Version "of a pod and end after them, are there from 1.29 on" | fail -}}
{{- end -}}
{{- with .Values.sidecar -}}
name: sessiond-agent
image: {{ include "sessiond.image" (list .image $) | quote }}
imagePullPolicy: {{ .image.pullPolicy }}
restartPolicy: Always
args:
  - {{ printf "--servers=%s" (include "sessiond.agent.servers" $) | quote }}
  - {{ printf "--server-name=%s" (include "sessiond.agent.serverName" $) | quote }}
  {{- if .ca.configMap }}
  - --ca-file=/run/sessiond-ca/ca.crt
  {{- end }}
  - --token-file=/run/sessiond-token/token
  - --listen={{ include "sessiond.agent.address" $ }}
  - --http=:{{ .httpPort }}
  {{- with include "sessiond.agent.flags" $ | fromYamlArray }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  - name: sessiond-http
    containerPort: {{ .httpPort }}
# The application starts once a server can be reached, which the agent waits for by itself.
startupProbe:
  httpGet: { path: /readyz, port: {{ .httpPort }} }
  periodSeconds: 1
  failureThreshold: 600
# It has no readiness: what needs no session is served on while no server can be reached.
livenessProbe:
  httpGet: { path: /healthz, port: {{ .httpPort }} }
  periodSeconds: 10
  timeoutSeconds: 5
resources: {{- toYaml .resources | nindent 2 }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
  seccompProfile: { type: RuntimeDefault }
volumeMounts:
  - { name: sessiond-socket, mountPath: /run/sessiond }
  - { name: sessiond-token, mountPath: /run/sessiond-token, readOnly: true }
  {{- if .ca.configMap }}
  - { name: sessiond-ca, mountPath: /run/sessiond-ca, readOnly: true }
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "sessiond.agent.volumes" -}}
{{- with .Values.sidecar -}}
- name: sessiond-socket
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
- name: sessiond-token
  projected:
    sources:
      - serviceAccountToken: { path: token, audience: {{ .audience | quote }}, expirationSeconds: 3600 }
{{- if .ca.configMap }}
- name: sessiond-ca
  configMap:
    name: {{ .ca.configMap | quote }}
    items: [{ key: {{ .ca.key | quote }}, path: ca.crt }]
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sessiond.agent.env" -}}
- name: SESSIOND_ADDRESS
  value: {{ include "sessiond.agent.address" . }}
{{- end -}}

{{- define "sessiond.agent.volumeMounts" -}}
- { name: sessiond-socket, mountPath: /run/sessiond, readOnly: true }
{{- end -}}
