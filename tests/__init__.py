"""The tests: what users rely on, shown against something independent where it exists."""
