"""Use cases: what people and programs ask the house to do, apart from answering."""
