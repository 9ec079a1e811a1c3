"""A notebook as a page to hand on, in one of three styles."""
