"""Tests of cas.cosem."""
