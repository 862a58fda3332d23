//! Tests of the reports as a whole.

mod advance;
mod naive;
mod oracle;
mod random;
mod rules;
mod shop;
mod tables;
mod worked_example;
