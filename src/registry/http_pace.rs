//! How slowly a web server may answer: a host that sends a byte now and then would keep a client waiting for ever.

use std::time::Duration;

use super::http_failure::Failure;

/// Bytes a second, below what a bad line over a modem brings.
const LEAST: f64 = 1000.0;

/// What an answer has brought since the last look at it, and how long it was waited for.
pub(crate) struct Pace {
    window: Duration,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// Looks once in each `window` of waiting.
    pub fn new(window: Duration) -> Self {
        Self { window, waited: Duration::ZERO, bytes: 0 }
    }

    /// Counts bytes that were waited for. The time in which nobody asked for bytes, because a disk was slow, is not the server's.
    pub fn received(&mut self, bytes: usize, waited: Duration) -> Result<(), Failure> {
        self.bytes += bytes as u64;
        self.waited += waited;
        if self.waited < self.window {
            return Ok(());
        }
        let rate = self.bytes as f64 / self.waited.as_secs_f64();
        if rate < LEAST {
            return Err(Failure::lasting(
                format!("the server sends {rate:.0} bytes a second, and would keep us waiting (a slow drip)"),
                "try again later, or use a mirror",
            ));
        }
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drip_is_noticed_and_a_slow_line_is_not() {
        let second = Duration::from_secs(1);
        let run = |bytes: usize| {
            let mut pace = Pace::new(second * 30);
            (0..90).try_for_each(|_| pace.received(bytes, second)).map_err(|failure| failure.reason)
        };
        assert!(run(1200).is_ok());
        let expected = "the server sends 10 bytes a second, and would keep us waiting (a slow drip)";
        assert_eq!(run(10).unwrap_err(), expected);
    }
}
