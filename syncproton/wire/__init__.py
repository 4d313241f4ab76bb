"""What goes over the wire: performatives, delivery states, termini, and the frames that carry them."""
