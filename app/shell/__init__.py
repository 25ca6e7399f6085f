"""What every page shares: looks, words from outside, the open bank."""
