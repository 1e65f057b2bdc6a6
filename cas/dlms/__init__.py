"""The DLMS/COSEM application layer: codecs, security, association and procedures, sans-IO but for `client`."""
