"""What is wrong now, why, and what to do about it: pure rules over facts."""
