"""Octets that nobody planned, for every decoder: time-boxed, so that they are part of every run."""
