"""Tests of cas.security."""
