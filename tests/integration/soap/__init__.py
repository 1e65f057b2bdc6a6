"""The whole service: SOAP over HTTP in front, simulated meters behind."""
