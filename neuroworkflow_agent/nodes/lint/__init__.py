"""What in a notebook's code and text makes its results doubtful. Nothing is imported or run."""
