"""Values of COSEM: Data, OBIS, date-time, units. A leaf: imports nothing of the project and does no I/O."""
