{{/* Refuse what no pod would take for a network: the value's name, and a list of networks in CIDR notation. */}}
{{- define "ipsecping.validateNetworks" -}}
{{- $name := index . 0 -}}
{{- range index . 1 -}}
{{- $words := include "ipsecping.addressWords" (regexReplaceAll "/.*$" . "") | fromJsonArray -}}
{{- $bits := ternary 8 16 (eq (len $words) 4) -}}
{{- $length := trimPrefix "/" (regexFind "/(0|[1-9][0-9]{0,2})$" .) -}}
{{- if or (not $words) (eq $length "") (ne . (printf "%s/%s" (regexReplaceAll "/.*$" . "") $length)) -}}
{{- fail (printf "%s: %q is not a network in CIDR notation, such as 10.244.0.0/16, 2001:db8::/32 or 10.1.2.3/32" $name .) -}}
{{- end -}}
{{- if gt (int $length) (mul $bits (len $words)) -}}
{{- fail (printf "%s: %s has a prefix longer than the %d bits of its address" $name . (mul $bits (len $words))) -}}
{{- end -}}
{{- $network := list -}}
{{- $differs := false -}}
{{- range $index, $word := $words -}}
{{- $free := int (max 0 (min $bits (sub (mul $bits (add $index 1)) (int $length)))) -}}
{{- $size := index (list 1 2 4 8 16 32 64 128 256 512 1024 2048 4096 8192 16384 32768 65536) $free -}}
{{- $kept := sub (int $word) (mod (int $word) $size) -}}
{{- $differs = or $differs (ne (int $kept) (int $word)) -}}
{{- $network = append $network (printf (ternary "%d" "%x" (eq $bits 8)) $kept) -}}
{{- end -}}
{{- if $differs -}}
{{- $written := join (ternary "." ":" (eq $bits 8)) $network -}}
{{- if eq $bits 16 -}}
{{- $written = regexReplaceAll "^::+$" (regexReplaceAll "(^|:)0(:0)*$" $written "::") "::" -}}
{{- end -}}
{{- fail (printf "%s: %s has bits set beyond its prefix: the network is %s/%s" $name . $written $length) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The bytes of an IPv4 address, or the eight words of an IPv6 address, as a list in JSON; empty where it is none. */}}
{{- define "ipsecping.addressWords" -}}
{{- $byte := "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])" -}}
{{- $four := printf "%s([.]%s){3}" $byte $byte -}}
{{- $text := . -}}
{{- if regexMatch (printf "^%s$" $four) . -}}
{{- $words := list -}}
{{- range splitList "." . }}{{ $words = append $words (int .) }}{{ end -}}
{{- $words | toJson -}}
{{- else if contains ":" . -}}
{{- /* IPv4 at the end of IPv6 (RFC 4291 section 2.2) is two of its words. */ -}}
{{- with regexFind (printf ":%s$" $four) . -}}
{{- $bytes := splitList "." (trimPrefix ":" .) -}}
{{- $high := printf "%02x%02x" (int (index $bytes 0)) (int (index $bytes 1)) -}}
{{- $low := printf "%02x%02x" (int (index $bytes 2)) (int (index $bytes 3)) -}}
{{- $text = printf "%s:%s:%s" (trimSuffix . $text) $high $low -}}
{{- end -}}
{{- $halves := splitList "::" $text -}}
{{- $words := list -}}
{{- range $index, $half := $halves -}}
{{- /* What nobody can write between colons stands for the zeros: an empty word is one colon too many. */ -}}
{{- if $index }}{{ $words = append $words "::" }}{{ end -}}
{{- if $half }}{{ $words = concat $words (splitList ":" $half) }}{{ end -}}
{{- end -}}
{{- $shortened := eq (len $halves) 2 -}}
{{- $given := sub (len $words) (ternary 1 0 $shortened) | int -}}
{{- $found := list -}}
{{- $valid := or (and $shortened (lt $given 8)) (and (eq (len $halves) 1) (eq $given 8)) -}}
{{- range $words -}}
{{- if eq . "::" -}}
{{- range until (int (max 0 (sub 8 $given))) }}{{ $found = append $found 0 }}{{ end -}}
{{- else if regexMatch "^[0-9a-fA-F]{1,4}$" . -}}
{{- $value := 0 -}}
{{- range splitList "" (lower .) -}}
{{- $value = add (mul 16 $value) (sub (len (regexFind (printf "^.*%s" .) "0123456789abcdef")) 1) -}}
{{- end -}}
{{- $found = append $found $value -}}
{{- else -}}
{{- $valid = false -}}
{{- end -}}
{{- end -}}
{{- if $valid }}{{ $found | toJson }}{{ else }}[]{{ end -}}
{{- else -}}
[]
{{- end -}}
{{- end -}}
