"""Media: what opens a channel of octets to a meter."""
