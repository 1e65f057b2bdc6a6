"""The public door: SOAP 1.2 and 1.1 in, the use cases behind, SOAP out (IEC TS 62056-9-1, 7.3, 8.2)."""
