"""The scorers, a family: base, a file for each kind, and the table SCORERS."""
