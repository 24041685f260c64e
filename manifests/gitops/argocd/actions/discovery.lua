-- Which actions Argo CD offers for an IPsecTunnelCheck.

local suspended = obj.spec.suspend == true

return {
  ["run-now"] = {
    disabled = suspended,
    displayName = "Measure now",
    iconClass = "fa fa-fw fa-play"
  },
  ["diagnose"] = {
    disabled = suspended,
    displayName = "Diagnose",
    iconClass = "fa fa-fw fa-stethoscope"
  },
  ["suspend"] = {
    disabled = suspended,
    displayName = "Suspend",
    iconClass = "fa fa-fw fa-pause"
  },
  ["resume"] = {
    disabled = not suspended,
    displayName = "Resume",
    iconClass = "fa fa-fw fa-forward"
  }
}
