"""The device registry: who the meters are, how they are reached, their keys and invocation counters."""
