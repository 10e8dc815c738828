//! An outcome of `devflow config`.

use crate::outcome::*;

pub(super) fn config() -> Outcome {
    let setting = |key, value: Option<&str>, origin| Setting {
        key,
        value: value.map(str::to_owned),
        origin,
    };
    let line = |line| Origin::File(format!("devflow.yml:{line}"));
    let variable = || Origin::Variable("DATABASE_URL".to_owned());
    Outcome::new(Body::Config(Configuration {
        settings: vec![
            setting("config", Some("devflow.yml"), Origin::Search),
            setting("environment", Some("staging"), Origin::Flag("--env")),
            setting("url_env", Some("DATABASE_URL"), line(9)),
            setting("url.server", Some("db.example.org:5432"), variable()),
            setting("url.database", Some("shop"), variable()),
            setting("url.user", None, variable()),
            setting("directory", Some("supabase/migrations"), line(6)),
            setting("lock_wait", Some("10m"), Origin::Default),
        ],
    }))
}
