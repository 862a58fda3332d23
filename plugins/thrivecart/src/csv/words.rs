//! The words of the type and status columns.

/// What the type column says about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// First payment of an order.
    Charge,
    /// Later payment of a subscription or payment plan.
    Rebill,
    Refund,
    Chargeback,
    /// Nothing was paid.
    NoMoney,
    /// A payment; the word does not tell which one.
    Payment,
}

/// What the status column says about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Paid,
    /// Paid, and all of it given back.
    Refunded,
    /// Paid, and a part of it given back.
    PartlyRefunded,
    /// Paid, and taken back by the bank.
    ChargedBack,
    /// Nothing was paid.
    NoMoney,
}

const TYPES: &[(Type, &[&str])] = &[
    (
        Type::Charge,
        &["charge", "sale", "order", "purchase", "ordersuccess", "initial", "initialcharge", "firstpayment"],
    ),
    (
        Type::Rebill,
        &[
            "rebill",
            "rebilled",
            "orderrebill",
            "subscriptionrebill",
            "subscriptionpayment",
            "ordersubscriptionpayment",
            "recurringpayment",
            "renewal",
            "installment",
            "instalment",
        ],
    ),
    (Type::Refund, &["refund", "refunded", "partialrefund", "partiallyrefunded", "orderrefund"]),
    (Type::Chargeback, &["chargeback", "dispute", "disputed"]),
    (
        Type::NoMoney,
        &[
            "cancel",
            "canceled",
            "cancelled",
            "cancellation",
            "ordersubscriptioncancelled",
            "paused",
            "resumed",
            "failed",
            "declined",
            "rebillfailed",
            "orderrebillfailed",
            "cartabandoned",
        ],
    ),
    (
        Type::Payment,
        &[
            "payment",
            "product",
            "bump",
            "upsell",
            "downsell",
            "single",
            "onetime",
            "recurring",
            "subscription",
            "split",
            "splitpay",
            "limited",
        ],
    ),
];

const STATUSES: &[(Status, &[&str])] = &[
    (Status::Paid, &["charged", "paid", "completed", "complete", "fulfilled", "success", "successful", "succeeded"]),
    (Status::Refunded, &["refunded", "fullyrefunded"]),
    (Status::PartlyRefunded, &["partiallyrefunded", "partialrefund", "partlyrefunded"]),
    (Status::ChargedBack, &["reversed", "chargeback", "disputed"]),
    (Status::NoMoney, &["pending", "declined", "failed", "canceled", "cancelled", "void", "voided"]),
];

/// `None` for an unknown word.
pub(crate) fn type_of(word: &str) -> Option<Type> {
    look_up(TYPES, word)
}

/// `None` for an unknown word.
pub(crate) fn status_of(word: &str) -> Option<Status> {
    look_up(STATUSES, word)
}

fn look_up<T: Copy>(table: &[(T, &[&str])], word: &str) -> Option<T> {
    let word = normal(word);
    table.iter().find(|(_, words)| words.contains(&word.as_str())).map(|(meaning, _)| *meaning)
}

/// Lower case, letters and digits only, as headings are compared.
pub(crate) fn normal(word: &str) -> String {
    word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_by_letters() {
        assert_eq!(status_of("Partially_Refunded"), Some(Status::PartlyRefunded));
        assert_eq!(type_of("order.subscription_payment"), Some(Type::Rebill));
        assert_eq!(status_of("on hold"), None);
        assert_eq!(type_of(""), None);
    }

    #[test]
    fn every_word_is_in_its_own_form_and_has_one_meaning() {
        let types: Vec<_> = TYPES.iter().flat_map(|(_, words)| *words).collect();
        let statuses: Vec<_> = STATUSES.iter().flat_map(|(_, words)| *words).collect();
        for words in [types, statuses] {
            for word in &words {
                assert_eq!(normal(word), **word);
                assert_eq!(words.iter().filter(|other| other == &word).count(), 1, "{word}");
            }
        }
    }
}
