"""What is allowed: pure rules over the types of `pushpals.model`. No I/O, no clock, no environment."""
