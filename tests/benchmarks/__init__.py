"""Benchmarks: ours beside its floor and the best peer, in one run, told as ratios; `make bench`."""
