{{/*
A value as an expression of CEL. Kubernetes wants all values of a map to be of one type, which is what dyn
makes of them; the items of a list in a pod are.
*/}}
{{- define "sessiond.cel" -}}
{{- if kindIs "map" . -}}
{
{{- range $at, $key := keys . | sortAlpha -}}
{{ if $at }},{{ end }}
  {{ $key | quote }}: dyn({{ include "sessiond.cel" (index $ $key) | indent 2 | trim }})
{{- end }}
}
{{- else if kindIs "slice" . -}}
[
{{- range $at, $item := . -}}
{{ if $at }},{{ end }}
  {{ include "sessiond.cel" $item | indent 2 | trim }}
{{- end }}
]
{{- else if kindIs "float64" . -}}
{{ int64 . }}
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end -}}
