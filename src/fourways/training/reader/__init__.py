"""fourways-small: what it reads, invented without end, and how it is trained and scored."""
