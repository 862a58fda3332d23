use ltv_connector::testing::{self, ContextBuilder, Ledger};

use super::*;

/// Five customers, ten events, two stores: the worked example of the definitions.
const WORKED_EXAMPLE: &str = "\
event_id,store,store_tz,kind,order_ref,occurred_local,email,amount,tax,shipping,currency,order_type,note
A-1001,alpha,America/New_York,order,A-1001,2025-01-10 12:00:00,ann@example.com,110.00,10.00,0.00,USD,initial,C1
A-1001-R1,alpha,America/New_York,order,A-1001-R1,2025-02-09 12:00:00,ann@example.com,100.00,0.00,0.00,USD,rebill,C1
A-1001-R1-RF,alpha,America/New_York,refund,A-1001-R1,2025-02-20 09:00:00,ann@example.com,-40.00,0.00,0.00,USD,,C1
A-1002,alpha,America/New_York,order,A-1002,2025-01-31 23:30:00,Bob@Example.com ,50.00,0.00,0.00,USD,initial,C2
B-7,beta,America/Los_Angeles,order,B-7,2025-03-15 10:00:00,bob@example.com,40.00,0.00,0.00,EUR,initial,C2
A-1003,alpha,America/New_York,order,A-1003,2025-01-20 08:00:00,carol@example.com,200.00,0.00,0.00,USD,initial,C3
A-1003-CB,alpha,America/New_York,chargeback,A-1003,2025-03-01 00:00:00,carol@example.com,-200.00,0.00,0.00,USD,,C3
A-1004,alpha,America/New_York,pending,A-1004,2025-01-05 10:00:00,dave@example.com,500.00,0.00,0.00,USD,initial,C4
A-1005,alpha,America/New_York,order,A-1005,2025-02-10 10:00:00,dave@example.com,80.00,0.00,0.00,USD,initial,C4
A-1006,alpha,America/New_York,order,A-1006,2025-04-10 10:00:00,eve@example.com,60.00,0.00,0.00,USD,initial,C5
";

fn defaults() -> ContextBuilder {
    testing::context_for(&Generic::describe())
}

fn usd() -> ContextBuilder {
    defaults().set("currency", "USD")
}

fn read(csv: &str, context: ContextBuilder) -> Batch {
    testing::read::<Generic>("rows", csv, &context.build()).unwrap()
}

/// The only entry of a file.
fn entry(csv: &str, context: ContextBuilder) -> Entry {
    let batch = read(csv, context);
    assert_eq!(batch.rejects, []);
    let mut ledger = Ledger::new();
    ledger.apply(&batch);
    let [entry] = ledger.entries()[..] else { panic!("not one entry: {batch:?}") };
    entry.clone()
}

/// Column and reason of the only reject of a file.
fn reject(csv: &str, context: ContextBuilder) -> (String, String) {
    let batch = read(csv, context);
    assert_eq!(batch.changes, []);
    let [reject] = &batch.rejects[..] else { panic!("not one reject: {batch:?}") };
    (reject.field.clone().unwrap_or_default(), reject.reason.clone())
}

fn cents(hundredths: i64) -> Decimal {
    Decimal::hundredths(hundredths)
}

fn local(wall: &str) -> Moment {
    Moment::Local(wall.into())
}

#[test]
fn the_worked_example_loads_with_and_without_settings() {
    let named = defaults()
        .set("id_column", "event_id")
        .set("order_id_column", "order_ref")
        .set("date_column", "occurred_local")
        .set("kind_column", "kind")
        .set("billing_column", "order_type");
    for context in [named, defaults()] {
        let batch = read(WORKED_EXAMPLE, context);
        assert_eq!((batch.changes.len(), batch.rejects.len(), batch.ignored), (9, 0, 1));
        assert_eq!(batch.notes, ["`pending` is one of `ignored_words`: no money moved"]);
        let mut ledger = Ledger::new();
        ledger.apply(&batch);
        let first = ledger.get(Kind::Sale, "A-1001").unwrap();
        let expected = Entry::sale("A-1001", "A-1001", local("2025-01-10T12:00:00"), "USD", cents(11_000))
            .initial()
            .email(Some("ann@example.com"))
            .items(cents(10_000))
            .tax(cents(1_000))
            .shipping(Decimal::ZERO);
        assert_eq!(*first, expected);
        assert_eq!(ledger.get(Kind::Sale, "A-1001-R1").unwrap().billing, Billing::Rebill);
        let refund = ledger.get(Kind::Refund, "A-1001-R1-RF").unwrap();
        assert_eq!((refund.order_id.as_str(), refund.amounts.total), ("A-1001-R1", cents(4_000)));
        assert_eq!(refund.billing, Billing::Unknown);
        let chargeback = ledger.get(Kind::Chargeback, "A-1003-CB").unwrap();
        assert_eq!((chargeback.order_id.as_str(), chargeback.amounts.total), ("A-1003", cents(20_000)));
        assert_eq!(ledger.get(Kind::Sale, "A-1002").unwrap().customer.email.as_deref(), Some("Bob@Example.com"));
        assert_eq!(ledger.get(Kind::Sale, "B-7").unwrap().currency, "EUR");
        assert!(ledger.get(Kind::Sale, "A-1004").is_none());
    }
}

#[test]
fn the_parts_always_add_up_to_the_total() {
    let csv = "id,date,amount,tax,shipping,discount,fees\n1,2025-01-01,119.99,19.16,4.95,-10,1.5\n";
    let amounts = entry(csv, usd()).amounts;
    let parts = [amounts.items, amounts.discount.map(Decimal::negated), amounts.shipping, amounts.fees, amounts.tax];
    assert_eq!(money::sum(parts.into_iter().flatten()), Ok(amounts.total));
    assert_eq!((amounts.total, amounts.items), (cents(11_999), Some(cents(10_438))));

    let on_top = entry(csv, usd().set("amount_is", "without_tax")).amounts;
    assert_eq!((on_top.total, on_top.items), (cents(14_560), Some(cents(12_999))));
}

#[test]
fn what_is_not_stated_is_not_zero() {
    let amounts = entry("id,date,amount,shipping,tax\n1,2025-01-01,10,2,\n", usd()).amounts;
    assert_eq!((amounts.items, amounts.tax, amounts.discount, amounts.fees), (None, None, None, None));
    assert_eq!(amounts.shipping, Some(cents(200)));
}

#[test]
fn parts_of_a_refund_lose_their_sign_with_it() {
    let csv = "id,order id,kind,date,amount,tax,shipping,fees\n1,9,refund,2025-01-01,-12.00,-2.00,1.00,-1\n";
    let amounts = entry(csv, usd()).amounts;
    assert_eq!((amounts.total, amounts.tax), (cents(1_200), Some(cents(200))));
    assert_eq!((amounts.shipping, amounts.fees, amounts.items), (Some(cents(100)), Some(cents(100)), Some(cents(800))));
}

#[test]
fn contradicting_amounts_are_rejected() {
    let reason = |csv: &str| reject(csv, usd());
    assert_eq!(reason("id,kind,date,amount\n1,sale,2025-01-01,-5\n").0, "amount");
    assert_eq!(reason("id,date,amount,tax\n1,2025-01-01,5,-1\n").0, "tax");
    assert_eq!(reason("id,date,amount,tax\n1,2025-01-01,5,6\n").0, "amount");
    assert_eq!(reason("id,date,amount\n1,2025-01-01,\n"), ("amount".into(), "is empty".into()));
}

#[test]
fn a_negative_amount_without_a_kind_is_a_refund_and_noted() {
    let batch = read("id,order id,date,amount,email\n1,9,2025-01-01,-5,a@b.c\n", usd());
    let Change::Put(entry) = &batch.changes[0] else { panic!("not an entry") };
    assert_eq!((entry.key.kind, entry.amounts.total), (Kind::Refund, cents(500)));
    assert_eq!(batch.notes, ["a negative amount without a kind: read as a refund"]);
}

#[test]
fn words_decide_and_an_unknown_one_names_the_settings() {
    let csv = |word: &str| format!("id,order id,status,date,amount\n1,9,{word},2025-01-01,5\n");
    for (word, kind, billing) in [
        ("Paid", Kind::Sale, Billing::Unknown),
        ("RENEWAL", Kind::Sale, Billing::Rebill),
        ("one time", Kind::Sale, Billing::Initial),
        ("Partial-Refund", Kind::Refund, Billing::Unknown),
        ("Voided", Kind::Void, Billing::Unknown),
        ("charge back", Kind::Chargeback, Billing::Unknown),
        ("Chargeback_Reversal", Kind::ChargebackReversal, Billing::Unknown),
    ] {
        let entry = entry(&csv(word), usd());
        assert_eq!((entry.key.kind, entry.billing), (kind, billing), "{word}");
    }
    assert_eq!(read(&csv("On hold"), usd()).ignored, 1);
    let (field, reason) = reject(&csv("Zurückgebucht"), usd());
    assert_eq!(field, "kind");
    assert!(reason.contains("`Zurückgebucht`") && reason.contains("`refund_words`"), "{reason}");
    let own = usd().set_list("refund_words", &["Zurückgebucht"]);
    assert_eq!(entry(&csv("zurückgebucht"), own).key.kind, Kind::Refund);
    // Whether the order or the refund is meant depends on the file.
    assert_eq!(reject(&csv("refunded"), usd()).0, "kind");
    let (field, reason) = reject("id,billing,date,amount\n1,weekly,2025-01-01,5\n", usd());
    assert_eq!(field, "billing");
    assert!(reason.contains("`rebill_words`"), "{reason}");
    let silent = entry("id,billing,date,amount\n1,Unknown,2025-01-01,5\n", usd());
    assert_eq!(silent.billing, Billing::Unknown);
}

#[test]
fn constants_count_where_the_row_is_silent() {
    let csv = "id,date,amount,country,source\n1,2025-01-01,5,,ads\n";
    let context =
        defaults().set("currency", "eur").set("billing", "initial").set("country", "de").set("source", "none");
    let entry = entry(csv, context);
    assert_eq!((entry.currency.as_str(), entry.billing), ("EUR", Billing::Initial));
    let tags: Vec<_> = entry.tags.iter().map(|tag| (tag.name.as_str(), tag.value.as_str())).collect();
    assert_eq!(tags, [("country", "DE"), ("source", "ads")]);
    assert_eq!(self::entry(csv, usd().set("kind", "refund")).key.kind, Kind::Refund);
    assert_eq!(reject(csv, defaults()).0, "currency");
    assert_eq!(reject("id,date,amount,currency\n1,2025-01-01,5,$\n", defaults()).0, "currency");
}

#[test]
fn a_file_without_emails_times_and_prices() {
    let batch = read("id,customer id,date,amount\n1,77,2025-01-01,0.00\n2,0,2025-01-01,0\n", usd());
    let mut ledger = Ledger::new();
    ledger.apply(&batch);
    let first = ledger.get(Kind::Sale, "1").unwrap();
    assert_eq!((first.customer.id.as_deref(), &first.customer.email), (Some("77"), &None));
    assert_eq!(first.at, Moment::Day("2025-01-01".into()));
    assert!(first.amounts.total.is_zero());
    assert_eq!(ledger.get(Kind::Sale, "2").unwrap().customer.id, None);
    assert_eq!(batch.notes, ["neither e-mail nor customer id: counts as revenue, not as a customer"]);
}

#[test]
fn twins_stay_two_and_a_second_import_adds_nothing() {
    let csv = "date,time,email,amount\n2025-01-01,10:00,a@b.c,5\n2025-01-01,10:00,a@b.c,5\n2025-01-01,10:00,a@b.c,6\n";
    let mut ledger = Ledger::new();
    ledger.apply(&read(csv, usd()));
    let first: Vec<_> = ledger.entries().into_iter().cloned().collect();
    assert_eq!(first.len(), 3);
    assert!(first.iter().all(|entry| entry.order_id == entry.key.id && entry.at == local("2025-01-01T10:00:00")));
    ledger.apply(&read(csv, usd()));
    // More rows above, another order of columns and a column that is not read: still the same rows.
    let grown = "amount,remark,email,date,time\n7,x,a@b.c,2025-01-02,10:00\n5,y,a@b.c,2025-01-01,10:00\n5,z,a@b.c,2025-01-01,10:00\n6,,a@b.c,2025-01-01,10:00\n";
    ledger.apply(&read(grown, usd()));
    assert_eq!(ledger.entries().len(), 4);
    assert!(first.iter().all(|entry| ledger.entries().contains(&entry)));
}

#[test]
fn identities_of_rows_never_change() {
    let entry = entry("date,email,amount\n2025-01-01,a@b.c,5\n", usd());
    assert_eq!(
        entry.key.id,
        format!("row-{}", stable_id(&["date", "2025-01-01", "email", "a@b.c", "amount", "5", "0"]))
    );
}

#[test]
fn a_row_without_a_date_is_rejected() {
    assert_eq!(reject("id,date,amount\n1,,5\n", usd()), ("date".into(), "is empty".into()));
    assert_eq!(reject("id,date,amount\n1,2025-02-30,5\n", usd()).0, "date");
    let batch = read("id,date,amount\nTotal,,5\n", usd());
    assert_eq!(batch.rejects[0].id.as_deref(), Some("Total"));
}

#[test]
fn products_carry_what_the_goods_cost() {
    let csv = "id,date,amount,tax,shipping,sku,product,qty\n1,2025-01-01,24,4,2,S-1,Mug,2\n";
    let line = &entry(csv, usd()).lines[0];
    assert_eq!((line.product_id.as_deref(), line.name.as_deref()), (Some("S-1"), Some("Mug")));
    assert_eq!((line.quantity, line.amount), (Decimal::whole(2), cents(1_800)));
    assert!(entry("id,date,amount,sku\n1,2025-01-01,24,\n", usd()).lines.is_empty());
}

#[test]
fn a_country_that_is_not_a_code_is_left_out_and_noted() {
    let batch = read("id,date,amount,country,email\n1,2025-01-01,5,Germany,a@b.c\n", usd());
    let Change::Put(entry) = &batch.changes[0] else { panic!("not an entry") };
    assert_eq!(entry.tags, []);
    assert_eq!(batch.notes, ["`Germany` is not a country of two letters: left out"]);
}

#[test]
fn a_word_in_two_lists_is_a_problem() {
    assert_eq!(Generic::validate(&defaults().build().settings), []);
    let settings = defaults().set_list("ignored_words", &["PAID", "paid!", "--"]).build().settings;
    let problems = Generic::validate(&settings);
    let at: Vec<_> = problems.iter().map(|problem| problem.setting.as_deref()).collect();
    assert_eq!(at, [Some("ignored_words"); 3]);
    assert!(problems[0].message.contains("`sale_words`"), "{}", problems[0].message);
}

#[test]
fn no_heading_stands_for_two_columns() {
    let manifest = Generic::describe();
    let mut seen = Vec::new();
    for column in &manifest.csv_formats[0].columns {
        let setting = column.named_by.as_deref().unwrap();
        assert!(manifest.settings.iter().any(|known| known.name == setting), "{setting}");
        let mut headings: Vec<_> = column.aliases.iter().map(|alias| words::squeeze(alias)).collect();
        headings.push(words::squeeze(&column.name));
        headings.sort();
        headings.dedup();
        for heading in headings {
            assert!(!seen.contains(&heading), "{heading}");
            seen.push(heading);
        }
    }
}
