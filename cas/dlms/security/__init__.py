"""DLMS security: suites, ciphering, authentication, key wrap and agreement; pure functions of octets."""
