"""How a gateway gets its certificate: the key is made here and stays here."""
