"""Tests of rooms together, over real sockets and a real database."""
