//! Real history, where it is at hand: what is known to be wrong in it is found, and nothing else.
