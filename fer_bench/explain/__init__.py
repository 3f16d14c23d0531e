"""What trained models look at: Grad-CAM, its figures, and where on a face the heat lies."""
