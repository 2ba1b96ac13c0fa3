use super::*;

fn plain(text: &str) -> String {
    text.replace([SPACE, THIN], " ")
}

#[test]
fn values_are_short_and_carry_their_unit() {
    let check = |value, unit, expected| assert_eq!(plain(&text(value, unit)), expected);
    check(9_771_050_598.4, "By", "9.10 GiB");
    check(0.0, "By", "0 B");
    check(1015.0 * 1024.0, "By/s", "0.99 MiB/s");
    check(0.0123, "s", "12.3 ms");
    check(-0.5, "s", "−500 ms");
    check(95.0, "%", "95.0 %");
    check(0.0042, "1", "0.0042");
    check(18_432.0, "", "18 432");
    check(25_000.0, "{request}/s", "25.0 k request/s");
    check(3.0, "{request}", "3.00 request");
    check(1e300, "", "1.0e300");
    check(f64::MAX, "By", "1.6e293 PiB");
    check(f64::NAN, "s", "–");
    check(f64::NEG_INFINITY, "By", "–");
    check(-0.000_000_1, "", "−1.0e−7");
}

#[test]
fn changes_show_the_width_of_their_interval() {
    let check = |change, low, high, expected| {
        assert_eq!(plain(&change_percent(change, Some((low, high)))), expected);
    };
    check(18.1, 12.4, 23.8, "+18 % (12 to 24)");
    check(-3.25, -4.0, -2.5, "−3.2 % (−4.0 to −2.5)");
    check(11.3, 11.1, 11.5, "+11.3 % (11.1 to 11.5)");
    check(0.001, -0.001, 0.002, "0.00 % (0.00 to 0.00)");
    check(7.0, f64::NEG_INFINITY, 9.0, "+7.0 %");
    check(1e300, 0.0, 1e301, "+1.0e300 % (0 to 1.0e301)");
}

#[test]
fn times_are_as_brief_as_is_clear() {
    let at = Timestamp::from_secs;
    let hour = TimeRange::new(at(1_795_266_120), at(1_795_269_720));
    let days = TimeRange::new(at(1_795_000_000), at(1_795_269_720));
    assert_eq!(plain(&span(hour)), "21 Nov 2026, 13:02 to 14:02 UTC");
    assert_eq!(
        plain(&span(days)),
        "18 Nov 2026, 11:06 to 21 Nov 2026, 14:02 UTC"
    );
    assert_eq!(plain(&moment(hour.end, hour)), "14:02:00");
    assert_eq!(plain(&moment(hour.end, days)), "21 Nov 14:02");
    assert_eq!(plain(&duration(Duration::from_secs(90_061))), "1 d 1 h");
    assert_eq!(plain(&duration(Duration::from_millis(250))), "250 ms");
    assert_eq!(plain(&duration(Duration::ZERO)), "0 s");
    assert!(!span(TimeRange::ALL).is_empty());
}
