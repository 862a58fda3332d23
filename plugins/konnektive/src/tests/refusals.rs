//! Who is not let in asks once, and is told what to do.

use super::*;

#[track_caller]
fn refused(result: Result<Coverage, Failure>) -> String {
    match result {
        Err(Failure::Unauthorized(text)) => text,
        other => panic!("a refusal, not {other:?}"),
    }
}

#[test]
fn a_wrong_password_is_told_once_and_never_locks_the_user() {
    let mut shop = Shop::new(account());
    shop.account().sale("2026-03-01T15:00:00", "50.00");
    shop.secrets[1].1 = "wrong".into();
    // The platform words it like an empty window.
    let text = refused(shop.sync(Axis::Created, "2026-03-01", "2026-05-30"));
    assert!(text.contains("No user matching this loginId and password could be found"), "{text}");
    assert!(text.contains("`login_id` and `password`"), "{text}");
    assert_eq!((shop.platform.calls.len(), shop.account().bad_logins), (1, 1));
    let checked = shop.check();
    assert!(matches!(checked, Err(Failure::Unauthorized(_))), "{checked:?}");
    assert_eq!((shop.platform.calls.len(), shop.account().bad_logins), (2, 2));
    // A third would have locked it.
    shop.secrets[1].1 = shop.account().password.clone();
    assert!(shop.check().is_ok());
}

#[test]
fn a_refusal_in_the_middle_ends_the_task_at_once() {
    let mut account = account();
    for day in 1..=9 {
        account.sale(&format!("2026-03-0{day}T15:00:00"), "50.00");
    }
    account.before_query(4, |account| account.password = "changed".into());
    let mut shop = Shop::new(account);
    refused(shop.sync(Axis::Created, "2026-03-01", "2026-03-09"));
    assert_eq!((shop.platform.calls.len(), shop.account().bad_logins), (5, 1));
    assert_eq!(shop.found().len(), 4, "what came before stays");
}

#[test]
fn the_address_to_allow_is_named() {
    let mut shop = Shop::new(account());
    shop.account().refused_ip = Some("203.0.113.7".into());
    let text = refused(shop.sync(Axis::Created, "2026-03-01", "2026-03-02"));
    assert!(text.contains("Add 203.0.113.7, the address of this machine"), "{text}");
    assert_eq!(shop.platform.calls.len(), 1);
}

#[test]
fn a_missing_permission_is_not_an_empty_window() {
    let mut shop = Shop::new(account());
    shop.account().permitted = false;
    let text = refused(shop.sync(Axis::Created, "2026-03-01", "2026-03-02"));
    assert!(text.contains("query permission for transactions"), "{text}");
    assert_eq!(shop.platform.calls.len(), 1);
}

#[test]
fn a_password_with_any_sign_arrives_whole_and_only_in_the_body() {
    for password in ["a&b+c%d#e=f", "pässwörd ☃", "100% &amp; more", "\"quoted\\'"] {
        let mut account = account();
        account.password = password.into();
        account.login = "api&user=ü".into();
        account.sale("2026-03-01T15:00:00", "50.00");
        let mut shop = Shop::new(account);
        shop.load("2026-03-01", "2026-03-01");
        shop.agrees();
        let call = &shop.platform.calls[0];
        assert_eq!((call.method.as_str(), call.query.as_str()), ("POST", ""));
        assert_eq!(call.path, "/transactions/query/");
        assert_eq!(call.field("password").as_deref(), Some(password));
    }
}

#[test]
fn an_echo_of_the_request_is_not_shown() {
    let echo = r#"{"result":"ERROR","message":"Invalid login: loginId=ltvd-api&password=p&s+w%r#d=ü and more"}"#;
    let mut shop = Shop::new(account());
    shop.platform.next(1, Wrong::Instead(Answer::new(200, "application/json", echo)));
    let text = refused(shop.sync(Axis::Created, "2026-03-01", "2026-03-01"));
    assert!(text.contains("Invalid login: loginId…") && !text.contains("w%r") && !text.contains("ltvd-api"), "{text}");
}

#[test]
fn statuses_that_refuse() {
    for (answer, words) in [
        (Answer::new(401, "text/plain", "no"), "HTTP 401"),
        (Answer::new(403, "application/json", r#"{"message":"Forbidden"}"#), "Forbidden"),
        (Answer::new(400, "application/json", r#"{"result":"ERROR","message":"Access denied"}"#), "Access denied"),
    ] {
        let mut shop = Shop::new(account());
        shop.platform.next(1, Wrong::Instead(answer));
        let text = refused(shop.sync(Axis::Created, "2026-03-01", "2026-03-01"));
        assert!(text.contains(words), "{text}");
        assert_eq!(shop.platform.calls.len(), 1);
    }
}

#[test]
fn a_check_is_one_request_and_shows_the_clock_of_the_account() {
    let mut account = account();
    account.sale("2026-05-31T15:00:00", "50.00");
    account.sale("2026-06-01T11:30:00", "50.00");
    let mut shop = Shop::new(account);
    let lines = shop.check().unwrap();
    assert_eq!(shop.platform.calls.len(), 1);
    assert!(lines[1].contains("last transaction, local time of the account: 2026-06-01 07:30:00"), "{lines:?}");
    assert!(lines[1].contains("2 transactions since 2026-05-31"), "{lines:?}");
    assert_eq!(lines.len(), 2);
    // The clock of these tests reads 12:00, whatever the zone.
    shop.account().zone("Asia/Tokyo");
    let lines = shop.check().unwrap();
    assert!(lines[2].starts_with("that lies in the future"), "{lines:?}");
}

#[test]
fn a_check_of_a_quiet_account() {
    let lines = Shop::new(account()).check().unwrap();
    assert!(lines[1].starts_with("no transactions since 2026-05-31"), "{lines:?}");
}

#[test]
fn a_check_that_is_not_answered_says_so() {
    let mut shop = Shop::new(account());
    shop.account().quirks.slow_above = Some(0);
    shop.account().sale("2026-06-01T11:30:00", "50.00");
    let Err(Failure::Unavailable(pause)) = shop.check() else { panic!("an end") };
    assert!(pause.message.starts_with("the platform did not answer in time"), "{}", pause.message);
    assert_eq!((shop.platform.calls.len(), shop.ledger.memory), (1, None));
}

#[test]
fn the_address_must_be_https() {
    let context = |address: &str| testing::context_for(&Konnektive::describe()).set("api_url", address).build();
    assert_eq!(Konnektive::validate(&context("https://api2.konnektive.com").settings).len(), 0);
    let problems = Konnektive::validate(&context("http://api.konnektive.com").settings);
    assert_eq!(problems[0].setting.as_deref(), Some("api_url"));
    assert!(problems[0].message.contains("https://api.checkoutchamp.com"), "{}", problems[0].message);
}
