"""Who may do what at the door, and the record of it: clients, authentication, authorisation, rates, replays, audit."""
