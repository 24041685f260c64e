-- Find out which layer of the tunnel is broken: each new value of the annotation asks for it.

local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["ipsecping.dev/diagnose"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
