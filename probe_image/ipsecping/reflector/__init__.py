"""The far side: answers probes of allowed peers, never with more octets than it received."""
