"""What the user's variables are, told without running anything of theirs."""
