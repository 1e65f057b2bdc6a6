"""Transports: whole APDUs over whatever meters speak; nothing here knows what an APDU means."""
