"""What tuning or pretraining costs: FLOPs, hours, dollars, energy, memory. Standard library only."""
