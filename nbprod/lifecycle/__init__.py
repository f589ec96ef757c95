"""The only floor that joins stages, and the only one that writes records."""
