"""Tests of cas.bindings."""
