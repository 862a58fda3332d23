//! Tests of the reports as a whole.

mod naive;
mod rules;
mod shop;
mod tables;
mod worked_example;
