"""Tests of how the benchmarks judge."""
