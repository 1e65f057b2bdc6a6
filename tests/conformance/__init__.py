"""Tests written from the clauses of the Green Book."""
