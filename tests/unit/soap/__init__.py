"""Tests of cas.soap."""
