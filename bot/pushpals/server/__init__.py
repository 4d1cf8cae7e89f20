"""The webhook door: verified on raw bytes, answered at once, worked on later from a bounded queue."""
