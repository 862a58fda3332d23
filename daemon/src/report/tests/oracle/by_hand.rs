//! Small shops whose figures are worked out by hand.
