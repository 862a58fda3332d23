//! The Konnektive / CheckoutChamp connector of ltvd.
