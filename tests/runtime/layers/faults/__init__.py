"""What the layers on Redis promise while servers, connections and processes fail."""
