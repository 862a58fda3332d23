//! Sales as files and webhooks tell them.

use std::fmt::Write as _;

/// A file for the connector `generic`: one sale of a dollar a row, orders `<name>0` and so on.
pub(crate) fn file_of_sales(name: &str, rows: usize) -> String {
    let mut text = String::from("id,order,date,email,amount\n");
    for row in 0..rows {
        writeln!(
            text,
            "t{name}{row},{name}{row},2026-01-{:02} 10:00:00,c{}@example.org,1.00",
            1 + row % 28,
            row % 20_000
        )
        .expect("a text takes everything");
    }
    text
}

/// A webhook of SamCart: a sale of a dollar, and so many bytes that cannot be compressed much.
pub(crate) fn purchase(order: &str, padding: usize) -> String {
    let mut state = order
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b"0123456789abcdefghijklmnopqrstuv"[usize::try_from(state >> 59).expect("five bits")])
    });
    let noise: String = noise.take(padding).collect();
    format!(
        r#"{{"type":"Order","noise":"{noise}","product":{{"id":1,"name":"Tea","price":"1.00","tax":"0.00","shipping":"0.00"}},
        "customer":{{"email":"many@example.org"}},"order":{{"id":"{order}","total":"1.00"}}}}"#
    )
}
