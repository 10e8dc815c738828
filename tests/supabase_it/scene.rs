//! A project that the Supabase CLI applies, and a database for it.

use support::{Command, LedgerRow, Project, SupabaseCli, TestDatabase};
use url::Url;

/// devflow's ledger beside the CLI's table.
pub(crate) const LEDGER: &str = "devflow.supabase_ledger";

/// A password that a URL, a shell and a log would each write in their own way.
pub(crate) const PASSWORD: &str = "guess: p@ss%0A/örd#";

/// A project that the Supabase CLI applies, and a database that belongs to the role that does.
pub(crate) struct Scene {
    pub(crate) project: Project,
    pub(crate) database: TestDatabase,
    pub(crate) role: String,
    url: Url,
}

impl Scene {
    /// With these files in `supabase/migrations`.
    pub(crate) fn new(cli: SupabaseCli, files: &[(&str, &str)]) -> Self {
        Self::of(Project::new().with_supabase(cli), files)
    }

    /// With a program in the place of the CLI: a shell script.
    pub(crate) fn with_fake(script: &str, files: &[(&str, &str)]) -> Self {
        let scene = Self::of(Project::new(), files);
        let program = "node_modules/.bin/supabase";
        scene
            .project
            .write(program, format!("#!/bin/sh\n{script}\n"));
        let path = scene.project.path().join(program);
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, all).unwrap();
        scene
    }

    fn of(project: Project, files: &[(&str, &str)]) -> Self {
        let database = TestDatabase::create();
        let role = database.role_with_password("migrator", "");
        database.execute(&format!(
            "SET password_encryption = 'scram-sha-256'; ALTER ROLE {role} PASSWORD '{PASSWORD}'; \
             ALTER DATABASE {} OWNER TO {role}; GRANT CREATE ON SCHEMA public TO {role}",
            database.name()
        ));
        let mut url = Url::parse(&database.url_as(&role)).unwrap();
        // The crate leaves a percent sign alone, as it may belong to an escape.
        url.set_password(Some(&PASSWORD.replace('%', "%25")))
            .unwrap();
        url.set_query(Some("sslmode=disable"));
        let scene = Self {
            project,
            database,
            role,
            url,
        };
        scene.configure("");
        for (name, sql) in files {
            scene.write(name, sql);
        }
        scene
    }

    /// Writes devflow.yml with further settings.
    pub(crate) fn configure(&self, settings: &str) {
        let config = format!(
            "version: \"1\"\nproject: {{ name: shop }}\ndatabase:\n  migrations:\n    directory: supabase/migrations\n    \
             format: supabase\n    {settings}\n"
        );
        self.project.write("devflow.yml", config);
    }

    /// Writes a migration.
    pub(crate) fn write(&self, name: &str, sql: &str) {
        self.project
            .write(&format!("supabase/migrations/{name}"), sql);
    }

    pub(crate) fn url(&self) -> &str {
        self.url.as_str()
    }

    pub(crate) fn devflow(&self, arguments: &[&str]) -> Command {
        let command = self.project.devflow(arguments);
        command.env("DATABASE_URL", self.url()).secret(PASSWORD)
    }

    pub(crate) fn migrate(&self) -> Command {
        self.devflow(&["db", "migrate", "--ci", "--json"])
    }

    /// The CLI's table, `version name` a row.
    pub(crate) fn recorded(&self) -> Vec<String> {
        let table = "supabase_migrations.schema_migrations";
        if !self.database.has(table) {
            return Vec::new();
        }
        let rows = format!("SELECT version || ' ' || name FROM {table} ORDER BY version");
        self.database.column(&rows)
    }

    /// devflow's ledger, `version event` a row.
    pub(crate) fn events(&self) -> Vec<String> {
        let rows = self.database.ledger_in(LEDGER);
        rows.iter().map(LedgerRow::summary).collect()
    }

    /// How many sessions of the CLI the server has.
    pub(crate) fn sessions(&self) -> String {
        self.database.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND application_name = '@effect/sql-pg'",
        )
    }
}
