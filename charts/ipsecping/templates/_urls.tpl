{{/* Refuse what is no URL of a receiver: the value's name, and it, which is not shown: it may hold a password. */}}
{{- define "ipsecping.validateURL" -}}
{{- $name := index . 0 -}}
{{- $url := index . 1 -}}
{{- if regexMatch "^([A-Za-z]+://)?[^/?]*@" $url -}}
{{- fail (printf "%s has a user or password in it: credentials come from a Secret (secretName, with basicAuthKey or bearerTokenKey)" $name) -}}
{{- end -}}
{{- if not (regexMatch "^(https?://)?(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?([/?][!-+.-~-]*)?$" $url) -}}
{{- fail (printf "%s is not an http or https URL such as https://hooks.example.com/ipsecping (it is not shown, for it may be a secret): after the host there may be a port and a path, in which blanks, commas and what is beyond ASCII are escaped" $name) -}}
{{- end -}}
{{- if contains "#" $url -}}
{{- fail (printf "%s: %s: there is a fragment (#...) in it, which no receiver gets: leave it out" $name (include "ipsecping.origin" $url)) -}}
{{- end -}}
{{- end -}}

{{/* A URL for errors, without path and query, which may be as good as a password. */}}
{{- define "ipsecping.origin" -}}
{{- regexFind "^([a-z]+://)?[^/?]*" . -}}
{{- end -}}

{{/* Refuse a port that is none, and credentials of two kinds or that would be sent in the clear: the values' name, they, and their URLs. */}}
{{- define "ipsecping.validateCredentials" -}}
{{- $name := index . 0 -}}
{{- $values := index . 1 -}}
{{- if and $values.bearerTokenKey $values.basicAuthKey -}}
{{- fail (printf "%s.bearerTokenKey and %s.basicAuthKey: only one of them" $name $name) -}}
{{- end -}}
{{- range index . 2 -}}
{{- if and (hasPrefix "http://" .) (or $values.bearerTokenKey $values.basicAuthKey) -}}
{{- fail (printf "%s: no credentials are sent over http, in the clear: use https in place of %s" $name (include "ipsecping.origin" .)) -}}
{{- end -}}
{{- $port := trimAll ":/?" (regexFind ":[0-9]+([/?]|$)" .) -}}
{{- if gt (int $port) 65535 -}}
{{- fail (printf "%s: %s: there is no port %s" $name (include "ipsecping.origin" .) $port) -}}
{{- end -}}
{{- end -}}
{{- end -}}
