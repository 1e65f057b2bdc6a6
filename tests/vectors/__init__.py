"""Octets and XML with their provenance."""
