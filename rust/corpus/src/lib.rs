//! Files to tallies.
