"""Whether a notebook comes out the same when it is run anew; beneath the tools, one of which asks."""
