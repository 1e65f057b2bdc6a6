"""Tests of cas.engine."""
