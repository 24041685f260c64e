-- What Argo CD says of an IPsecTunnelCheck: Degraded where the tunnel, or the check itself, is not well.

local function answer(status, message)
  return {status = status, message = message}
end

local status = obj.status
if status == nil or status.observedGeneration ~= obj.metadata.generation then
  return answer("Progressing", "waiting for the operator to take in this version of the check")
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local function told(condition)
  local message = condition.message
  if message == nil or message == "" then
    return condition.reason
  end
  return condition.reason .. ": " .. message
end

local stalled = conditions["Stalled"]
if stalled ~= nil and stalled.status == "True" then
  return answer("Degraded", told(stalled))
end

local ready = conditions["Ready"]
if ready == nil then
  return answer("Progressing", "waiting for the operator")
end
if ready.reason == "Suspended" then
  return answer("Suspended", told(ready))
end
if ready.reason == "WorkloadUnavailable" then
  return answer("Progressing", told(ready))
end
if ready.status ~= "True" then
  return answer("Degraded", told(ready))
end

local healthy = conditions["Healthy"]
if healthy == nil then
  return answer("Progressing", "waiting for the first result")
end
if healthy.status == "True" then
  return answer("Healthy", told(healthy))
end
-- After a resume, Healthy is Suspended until the first result comes.
if healthy.reason == "NoResults" or healthy.reason == "Suspended" then
  return answer("Progressing", told(healthy))
end
-- Work is done on the tunnel: Suspended makes no application Degraded.
local maintenance = conditions["Maintenance"]
if maintenance ~= nil and maintenance.status == "True" then
  return answer("Suspended", told(healthy) .. "; " .. told(maintenance))
end
-- Unknown as well: silence is no health, and nobody is called for a check of unknown health.
return answer("Degraded", told(healthy))
