"""The xDLMS services as procedures: what is asked as a whole is answered as a whole, blocks stay in here."""
