"""Notifications: heard from meters, recognised, unprotected, handed on and confirmed."""
