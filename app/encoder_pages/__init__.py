"""The encoders: what they are, how good they were, how they were trained."""
