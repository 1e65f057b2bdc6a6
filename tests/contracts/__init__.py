"""What every store and transport must do, as suites that a plug-in can run."""
