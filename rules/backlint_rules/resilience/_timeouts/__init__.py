"""How the code bounds what it waits for."""
