"""Makes what is generated from the schemas and the tests; not shipped, everything here has --check."""
