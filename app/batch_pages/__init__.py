"""What `medsiam score` left in its output folders."""
