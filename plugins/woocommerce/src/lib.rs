//! The WooCommerce connector of ltvd.
