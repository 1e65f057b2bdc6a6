"""Tests of cas.access."""
