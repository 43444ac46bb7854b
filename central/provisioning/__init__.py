"""What turns a blank machine into one certain gate: the files for its boot partition."""
