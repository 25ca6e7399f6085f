"""From what the reader picks or uploads to a scan."""
