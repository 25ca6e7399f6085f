"""What is in the reference bank."""
