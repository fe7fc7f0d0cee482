"""What the scorers that ask no model can tell, on real data."""
