"""The parts of `benches/compare/run`: three pairs of DHCP servers under the same loads."""
