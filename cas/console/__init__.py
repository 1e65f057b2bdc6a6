"""The operators' console: pages rendered on the server, live by server-sent events, in the roles of whoever looks."""
