"""A model that follows a script: `scripted:FILE`, and the model of the tests."""
