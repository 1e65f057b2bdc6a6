"""DeviceAccess: what to do on which devices, done, stored and told; free of SOAP and SQL (IEC TS 62056-9-1, 5.2)."""
