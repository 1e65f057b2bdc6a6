"""COSEM Access Service: the web services of IEC TS 62056-9-1 in front of DLMS/COSEM meters."""
