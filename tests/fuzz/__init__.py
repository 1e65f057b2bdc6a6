"""Fuzzing of every parser that foreign octets reach."""
