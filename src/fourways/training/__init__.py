"""Its own program: tuning and pretraining. `plan` alone is imported by others and is standard library only."""
