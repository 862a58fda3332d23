//! Tests of the reports as a whole.

mod advance;
mod naive;
mod rules;
mod shop;
mod worked_example;
