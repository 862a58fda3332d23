//! What SamCart says about products and customers, brought into the form of the contract.

use ltv_connector::prelude::*;

use crate::money::Money;

/// The amount as the contract wants it.
pub(crate) fn decimal(money: Money) -> Decimal {
    let (coefficient, scale) = money.parts();
    Decimal::new(coefficient, scale)
}

/// An amount from the contract, if it is not finer than four decimals.
pub(crate) fn money(decimal: Decimal) -> Option<Money> {
    Money::from_parts(decimal.coefficient, decimal.scale)
}

/// One product. A negative amount, which a line cannot have, becomes nothing.
pub(crate) fn line(id: Option<&str>, name: Option<&str>, sku: Option<&str>, amount: Money) -> Line {
    let amount = if amount.is_negative() { Money::ZERO } else { amount };
    Line::new(Decimal::ONE, decimal(amount)).product(id).name(name).sku(sku)
}

/// ISO 3166-1 code of a country that SamCart writes out. Others give none: a wrong country is worse than none.
pub(crate) fn country(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Some(text.to_uppercase());
    }
    let name = crate::names::normal(text);
    COUNTRIES.iter().find(|(known, _)| *known == name).map(|(_, code)| (*code).to_owned())
}

const COUNTRIES: &[(&str, &str)] = &[
    ("unitedstates", "US"),
    ("unitedstatesofamerica", "US"),
    ("usa", "US"),
    ("canada", "CA"),
    ("unitedkingdom", "GB"),
    ("greatbritain", "GB"),
    ("ireland", "IE"),
    ("australia", "AU"),
    ("newzealand", "NZ"),
    ("southafrica", "ZA"),
    ("germany", "DE"),
    ("austria", "AT"),
    ("switzerland", "CH"),
    ("france", "FR"),
    ("belgium", "BE"),
    ("netherlands", "NL"),
    ("spain", "ES"),
    ("portugal", "PT"),
    ("italy", "IT"),
    ("sweden", "SE"),
    ("norway", "NO"),
    ("denmark", "DK"),
    ("finland", "FI"),
    ("poland", "PL"),
    ("mexico", "MX"),
    ("brazil", "BR"),
    ("india", "IN"),
    ("singapore", "SG"),
    ("philippines", "PH"),
    ("japan", "JP"),
    ("israel", "IL"),
    ("unitedarabemirates", "AE"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_coded_or_left_out() {
        assert_eq!(country("United States").as_deref(), Some("US"));
        assert_eq!(country(" gb ").as_deref(), Some("GB"));
        assert_eq!(country("Atlantis"), None);
    }
}
