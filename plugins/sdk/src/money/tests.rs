use super::*;

fn read(text: &str) -> String {
    parse(text, Mark::Unknown).map_or_else(|error| format!("{error:?}"), |decimal| decimal.to_string())
}

#[test]
fn amounts_as_people_write_them() {
    for (text, expected) in [
        ("$1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1.234,50 €", "1234.50"),
        ("(5.00)", "-5.00"),
        ("($5.00)", "-5.00"),
        ("1 234,5", "1234.5"),
        ("1\u{a0}234\u{a0}567,89", "1234567.89"),
        ("1'234.50", "1234.50"),
        ("1,23,456.78", "123456.78"),
        ("1,234,567", "1234567"),
        ("1 234,567", "1234.567"),
        ("-3", "-3"),
        ("3-", "-3"),
        ("$-3.1", "-3.1"),
        ("-$3.1", "-3.1"),
        ("\u{2212}3.10", "-3.10"),
        ("EUR 12", "12"),
        ("12 EUR", "12"),
        ("R$ 12,30", "12.30"),
        ("0.123", "0.123"),
        ("1234.567", "1234.567"),
        ("1234,5", "1234.5"),
        (" 7 ", "7"),
        ("+7", "7"),
        ("0.1000000000000", "0.1"),
        ("9223372036854775807", "9223372036854775807"),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_an_error_until_the_mark_is_known() {
    for text in ["1,234", "1.234", "$999.999", "-12,345"] {
        assert!(matches!(parse(text, Mark::Unknown), Err(MoneyError::Ambiguous(_))), "{text}");
    }
    assert_eq!(parse("1,234", Mark::Point), Ok(Decimal::whole(1234)));
    assert_eq!(parse("1,234", Mark::Comma), Ok(Decimal::new(1234, 3)));
    assert_eq!(parse("1.234", Mark::Comma), Ok(Decimal::whole(1234)));
    assert_eq!(parse("1.234", Mark::Point), Ok(Decimal::new(1234, 3)));
}

#[test]
fn what_is_no_amount() {
    for text in [
        "",
        " ",
        "-",
        "()",
        "abc",
        "$",
        "1.2.3,4,5",
        "1,2345,678.00",
        "12,34.5",
        "1..2",
        "--5",
        "(-5)",
        "1-2",
        "1e5",
        "1,",
        "１２",
        "5%",
        "1 2",
        "1.",
        "0x10",
        "∞",
        "NaN",
    ] {
        match parse(text, Mark::Unknown) {
            Err(MoneyError::NotANumber(_)) => {}
            Ok(decimal) if text == "1." || text == "1," => assert_eq!(decimal, Decimal::ONE),
            other => panic!("{text}: {other:?}"),
        }
    }
    assert!(matches!(parse("99999999999999999999", Mark::Unknown), Err(MoneyError::TooLong(_))));
    assert!(matches!(parse("0.1234567891", Mark::Unknown), Err(MoneyError::TooLong(_))));
}

#[test]
fn plain_numbers_are_exact() {
    for (text, coefficient, scale) in [
        ("12.50", 1250, 2),
        ("-0.10", -10, 2),
        ("0", 0, 0),
        ("1e3", 1000, 0),
        ("1.5E-2", 15, 3),
        ("120e-1", 120, 1),
        ("0e99", 0, 0),
        ("0e-99", 0, 0),
        ("4.350", 4350, 3),
    ] {
        let decimal = plain(text).unwrap();
        assert_eq!((decimal.coefficient, decimal.scale), (coefficient, scale), "{text}");
    }
    for text in ["", "-", ".5", "5.", "1,000", " 1", "1e", "1e+-1", "1e9999", "--1", "1.2.3", "inf", "1e50", "1e-50"] {
        assert!(plain(text).is_err(), "{text}");
    }
}

#[test]
fn arithmetic_is_exact_and_never_wraps() {
    let tenth = Decimal::new(1, 1);
    assert_eq!(sum([tenth; 3]), Ok(Decimal::new(3, 1)));
    assert_eq!(Decimal::hundredths(1250), Decimal::new(125, 1));
    assert!(Decimal::new(-1, 9) < Decimal::ZERO);
    assert_eq!(Decimal::whole(2).minus(Decimal::new(5, 1)), Ok(Decimal::new(15, 1)));
    assert_eq!(Decimal::new(250, 2).times(3), Ok(Decimal::new(75, 1)));
    let max = Decimal::whole(i64::MAX);
    assert!(max.plus(Decimal::ONE).is_err());
    assert!(max.plus(Decimal::new(1, 9)).is_err());
    assert!(max.times(2).is_err());
    assert_eq!(Decimal::whole(i64::MIN).abs(), max);
    assert_eq!(max.minus(max).unwrap(), Decimal::ZERO);
    assert_eq!(Decimal::minor(1500, "JPY"), Decimal::whole(1500));
    assert_eq!(Decimal::minor(1500, "KWD"), Decimal::new(15, 1));
    assert!(Decimal::new(i64::MAX, 255) > Decimal::new(i64::MIN, 200));
}

#[test]
fn decimals_show_their_digits() {
    assert_eq!(Decimal::new(-5, 2).to_string(), "-0.05");
    assert_eq!(Decimal::new(1250, 2).to_string(), "12.50");
    assert_eq!(Decimal::new(i64::MIN, 9).to_string(), "-9223372036.854775808");
}

#[test]
fn every_currency_is_found_and_nothing_else() {
    for code in super::CURRENCIES.split(' ') {
        assert!(super::is_currency(code), "{code}");
    }
    for code in ["", " ", "US", "usd", "USDT", "AAA", "EU ", "ZZZ", "ZWL ", "ÄÖ", "AED AFN"] {
        assert!(!super::is_currency(code), "{code}");
    }
}
