//! End-to-end tests: the real binary, real components, real files, real sockets on loopback.

mod api_description;
mod api_keys;
mod backup;
mod bad_config;
mod bad_files;
mod bad_webhooks;
mod connectors;
mod crash;
mod disk_full;
mod kit;
mod konnektive;
mod reports;
mod run_daemon;
mod samcart;
mod soak;
mod storage_faults;
mod thrivecart;
mod versions;
mod woocommerce;
mod worked_example;
mod written_ahead;
