//! Random shops.

use proptest::prelude::*;

use crate::model::{Billing, Kind, Zone};
use crate::report::*;

/// An entry of a small shop: six customers, twelve orders of two integrations, a year. Its number is still to be given.
pub(super) fn a_fact() -> impl Strategy<Value = Fact> {
    let kinds = prop_oneof![
        6 => Just(Kind::Sale),
        2 => Just(Kind::Refund),
        1 => Just(Kind::Void),
        1 => Just(Kind::Chargeback),
        1 => Just(Kind::ChargebackReversal),
    ];
    let billings = prop_oneof![3 => Just(Billing::Initial), 2 => Just(Billing::Rebill), 1 => Just(Billing::Unknown)];
    let customers = prop_oneof![5 => 0_u32..6, 1 => Just(NO_CUSTOMER)];
    let totals = prop_oneof![1 => Just(0_i64), 6 => 1_i64..30_000];
    // Half-hours in about a year, so that instants coincide now and then and both clock changes occur.
    let hours = prop_oneof![4 => 0_i64..17_000, 1 => 0_i64..40];
    (kinds, billings, customers, totals, hours, 0_u32..12, 0_u16..2, (0_i64..=100, 0_i64..=100, 0_u64..3, 0_u8..8))
        .prop_map(|(kind, billing, customer, total, half_hour, order, currency, (tax, shipping, tie, known))| Fact {
            unix_ms: 1_735_689_600_000 + half_hour * 1_800_000,
            total,
            tax: total * tax / 400,
            shipping: total * shipping / 400,
            tie,
            customer,
            order,
            entry: 0,
            // An order belongs to one integration.
            integration: u16::from(order >= 6),
            currency,
            labels: 0,
            kind,
            billing,
            flags: FactFlags::TAX_KNOWN.only_if(known > 1).with(FactFlags::SHIPPING_KNOWN.only_if(known % 4 != 0)),
        })
}

/// Zones with and without changes of the clock, one of them at midnight.
pub(super) fn zones() -> impl Strategy<Value = Zone> {
    prop::sample::select(vec![
        chrono_tz::UTC,
        chrono_tz::America::New_York,
        chrono_tz::Europe::Berlin,
        chrono_tz::Asia::Kolkata,
        chrono_tz::Pacific::Kiritimati,
        chrono_tz::America::Havana,
    ])
}
