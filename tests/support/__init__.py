"""What several tests share: real servers and the checks that are too big for one file."""
