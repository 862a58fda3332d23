//! End-to-end tests: the real binary, real components, real files, real sockets on loopback.

mod api_description;
mod api_keys;
mod bad_config;
mod bad_files;
mod bad_webhooks;
mod connectors;
mod crash;
mod hostile_clients;
mod hostile_connectors;
mod kit;
mod konnektive;
mod private;
mod reports;
mod run_daemon;
mod samcart;
mod thrivecart;
mod woocommerce;
mod worked_example;
