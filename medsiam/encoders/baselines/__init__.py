"""What an encoder is measured against: pixels, gradients, networks that were taught nothing."""
