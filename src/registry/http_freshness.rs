//! For how long a server lets an answer be used without asking again.

/// `max-age` of `Cache-Control`, less the `age` that caches on the way have had it already (RFC 9111, 4.2).
pub(super) fn fresh_seconds(cache_control: &str, age: &str) -> u32 {
    let directives: Vec<String> =
        cache_control.split(',').map(|directive| directive.trim().to_ascii_lowercase()).collect();
    if directives.iter().any(|directive| matches!(directive.as_str(), "no-cache" | "no-store")) {
        return 0;
    }
    let max_age =
        directives.iter().find_map(|directive| directive.strip_prefix("max-age=")?.parse::<u32>().ok());
    max_age.unwrap_or(0).saturating_sub(age.trim().parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_fresh_for_its_max_age_less_its_age() {
        assert_eq!(fresh_seconds("public, Max-Age=600", "100"), 500);
        assert_eq!(fresh_seconds("max-age=60", "100"), 0);
        assert_eq!(fresh_seconds("max-age=60", "soon"), 60);
        assert_eq!(fresh_seconds("max-age=60, no-cache", ""), 0);
        assert_eq!(fresh_seconds("max-age=-1", ""), 0);
        assert_eq!(fresh_seconds("max-age=99999999999999999999", ""), 0);
    }
}
