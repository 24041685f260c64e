"""What the lab does to the machine it runs on: packages, processes, namespaces, cgroups, sysctls."""
