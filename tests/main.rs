//! End-to-end tests: the real binary, real components, real files, real sockets on loopback.
