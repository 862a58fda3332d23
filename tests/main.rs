//! End-to-end tests: the real binary, real components, real files, real sockets on loopback.

mod api_description;
mod api_keys;
mod authors;
mod bad_config;
mod bad_files;
mod bad_webhooks;
mod connectors;
mod contract;
mod crash;
mod kit;
mod konnektive;
mod reports;
mod run_daemon;
mod samcart;
mod thrivecart;
mod woocommerce;
mod worked_example;
