"""A chat: rooms, what is said in them, and a worker that keeps it."""
