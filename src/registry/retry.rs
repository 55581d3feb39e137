//! When to ask again, and after how long.

use std::time::Duration;

use jiff::Timestamp;

/// How often one question is asked before its failure is final.
pub(crate) const TRIES: u32 = 4;
/// The most that a server's `Retry-After` makes us wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The most that we wait on our own account.
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);

/// How long to wait after failure number `failures` (from 1): exponential, with full jitter, so that clients that
/// failed together do not come back together.
pub fn backoff(first: Duration, failures: u32) -> Duration {
    let longest = first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_BACKOFF);
    longest.mul_f64(rand::random_range(0.0..=1.0))
}

/// The wait that a `Retry-After` header asks for, in seconds or until a date (RFC 9110, 10.2.3), at most a minute.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let wait = match value.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
            Duration::try_from(date.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_has_two_forms_and_a_bound() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let seconds = |value| retry_after(value, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("7"), Some(7));
        assert_eq!(seconds("86400"), Some(60));
        assert_eq!(seconds("Fri, 20 Nov 2026 12:00:09 GMT"), Some(9));
        assert_eq!(seconds("Fri, 20 Nov 2026 11:00:00 GMT"), Some(0));
        assert_eq!(seconds("Sat, 20 Nov 2027 11:00:00 GMT"), Some(60));
        assert_eq!(seconds("soon"), None);
        assert_eq!(seconds("-1"), None);
    }

    #[test]
    fn backoff_is_bounded() {
        for failures in [1, 2, 40, u32::MAX] {
            assert!(backoff(Duration::from_millis(250), failures) <= LONGEST_BACKOFF);
        }
    }
}
