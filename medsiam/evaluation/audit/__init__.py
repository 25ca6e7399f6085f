"""AUDIT: what a bank's own arrays say about its quality, before anybody trusts a match."""
