"""What Python means, on abstract values and without running anything."""
