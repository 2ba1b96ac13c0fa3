use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(query: &str, expected: &str) {
    let told = summary(query).map(|summary| summary.text);
    assert_eq!(told.as_deref().unwrap_or(""), expected, "{query}");
}

#[test]
fn queries_are_told_by_what_they_do_and_to_which_tables() {
    check("SELECT 1", "SELECT");
    check(
        "select * from orders where name = 'from secrets'",
        "SELECT orders",
    );
    check(
        "SELECT * FROM a, b AS x, \"Odd Name\" c WHERE 1=1",
        "SELECT a b OddName",
    );
    check(
        "SELECT a FROM shop.orders o LEFT JOIN `shop`.`users` u USING (id)",
        "SELECT shop.orders shop.users",
    );
    check(
        "SELECT (SELECT max(x) FROM inner_t), y FROM outer_t",
        "SELECT SELECT inner_t outer_t",
    );
    check(
        "SELECT id FROM a WHERE id IN (SELECT id FROM b)",
        "SELECT a SELECT b",
    );
    check("SELECT * FROM (SELECT * FROM a) x, b", "SELECT SELECT a b");
    check("SELECT a FROM x UNION SELECT b FROM y", "SELECT x SELECT y");
    check(
        "INSERT INTO orders (id, name) VALUES (%(i)s, %(n)s)",
        "INSERT orders",
    );
    check(
        "INSERT INTO orders(id) VALUES (1) ON CONFLICT DO UPDATE SET a = 1",
        "INSERT orders",
    );
    check(
        "INSERT INTO archive SELECT * FROM orders",
        "INSERT archive SELECT orders",
    );
    check(
        "UPDATE orders SET name = 'x' FROM users WHERE id = 1",
        "UPDATE orders",
    );
    check(
        "DELETE FROM orders USING users WHERE a",
        "DELETE orders users",
    );
    check("SELECT * FROM orders FOR UPDATE", "SELECT orders");
    check(
        "CREATE TABLE IF NOT EXISTS orders (id int)",
        "CREATE TABLE orders",
    );
    check("create unique index i on orders (id)", "CREATE INDEX");
    check("DROP TABLE orders; DROP VIEW v", "DROP TABLE orders");
    check("TRUNCATE TABLE orders", "TRUNCATE orders");
    check("BEGIN", "BEGIN");
    check("COPY orders FROM STDIN", "COPY orders");
}

#[test]
fn functions_comments_and_own_names_are_no_tables() {
    check("SELECT extract(year FROM at) FROM orders", "SELECT orders");
    check("SELECT a IS DISTINCT FROM b FROM orders", "SELECT orders");
    check("SELECT * FROM generate_series(1, 3) g", "SELECT");
    check("-- from x\nSELECT /* from y */ 1 FROM z", "SELECT z");
    check("WITH x AS (SELECT 1) SELECT * FROM x", "SELECT SELECT");
    check(
        "WITH x AS (SELECT * FROM a), y AS (SELECT 2) SELECT * FROM x, y, b",
        "SELECT a SELECT SELECT b",
    );
    check(
        "WITH d AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM d",
        "DELETE a INSERT b SELECT",
    );
}

#[test]
fn what_is_no_sql_is_not_told() {
    for query in [
        "",
        "HGET user:7 name",
        "{\"find\": \"orders\"}",
        "MATCH (n) RETURN n",
        "'x'",
        "7",
        "FT.SEARCH i",
    ] {
        check(query, "");
    }
}

proptest! {
    #[test]
    fn values_never_show(value in "[a-z ,()]{1,20}", number in 100_000u32..) {
        let query = format!("SELECT a FROM orders WHERE b = '{value} SECRET' AND c = {number}");
        prop_assert_eq!(summary(&query).unwrap().text, "SELECT orders");
    }

    #[test]
    fn anything_may_come(
        query in "(SELECT|WITH|INSERT INTO|from|,|\\(|\\)|'|\"|`|--|/\\*|;|as|x|é|\\$1|\\.| ){0,60}"
    ) {
        if let Some(told) = summary(&query) {
            prop_assert!(told.text.len() <= SUMMARY_BYTES_MAX && !told.text.is_empty());
        }
        let long = query.repeat(300);
        prop_assert!(summary(&long).is_none_or(|told| told.text.len() <= SUMMARY_BYTES_MAX));
    }
}
