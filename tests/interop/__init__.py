"""Foreign implementations, each in its own process and environment: gurux-dlms, and zeep as a SOAP client."""
