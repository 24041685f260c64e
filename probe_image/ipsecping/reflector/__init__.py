"""The far side: answers probes of allowed peers, never with more bytes than it received."""
