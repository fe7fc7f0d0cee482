"""The project file, read once into one frozen tree."""
