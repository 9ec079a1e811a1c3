"""Small requests people make in notebooks, each with a check of what the model did about it."""
