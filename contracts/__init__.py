"""What the edge and central say to each other. Standard library only: both sides import it."""
