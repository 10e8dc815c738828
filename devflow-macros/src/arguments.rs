//! What stands between the macro's parentheses.

use devflow_migrations::TableName;
use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Result, Token};

/// The macro's arguments: `("dir", table = "schema.table", down)`, each of them optional.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The directory and the table, where the macro names them itself.
    pub(crate) explicit: Option<Explicit>,
    /// Whether down files are embedded too.
    pub(crate) down: bool,
    /// Where problems of the files are shown: the directory's literal, or the whole macro.
    pub(crate) span: Span,
}

/// A directory that the macro names.
#[derive(Debug)]
pub(crate) struct Explicit {
    /// Relative to the package's folder.
    pub(crate) directory: String,
    pub(crate) table: TableName,
}

const OPTIONS: &str = "expected `table = \"schema.table\"` or `down`";

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let directory: Option<LitStr> = input.peek(LitStr).then(|| input.parse()).transpose()?;
        let mut table: Option<LitStr> = None;
        let mut down = false;
        let mut first = directory.is_none();
        while !input.is_empty() {
            if !std::mem::take(&mut first) {
                input.parse::<Token![,]>()?;
            }
            if input.is_empty() {
                break;
            }
            let option: Ident = input
                .parse()
                .map_err(|error| Error::new(error.span(), OPTIONS))?;
            match option.to_string().as_str() {
                "down" if !down => down = true,
                "table" if table.is_none() => {
                    input.parse::<Token![=]>()?;
                    table = Some(input.parse()?);
                }
                "down" | "table" => return Err(Error::new(option.span(), "this is said twice")),
                _ => return Err(Error::new(option.span(), OPTIONS)),
            }
        }
        Self::new(directory, table, down)
    }
}

impl Arguments {
    fn new(directory: Option<LitStr>, table: Option<LitStr>, down: bool) -> Result<Self> {
        let span = directory
            .as_ref()
            .map_or_else(Span::call_site, LitStr::span);
        let explicit = match (directory, table) {
            (Some(directory), table) => Some(Explicit {
                directory: directory.value(),
                table: table
                    .map_or_else(|| Ok(TableName::default()), |table| table_name(&table))?,
            }),
            (None, Some(table)) => {
                return Err(Error::new(
                    table.span(),
                    "without a directory the table comes from devflow.yml, so that the service and the command agree; \
                     set `tracking_schema` and `tracking_table` there",
                ));
            }
            (None, None) => None,
        };
        Ok(Self {
            explicit,
            down,
            span,
        })
    }
}

fn table_name(literal: &LitStr) -> Result<TableName> {
    let value = literal.value();
    let (schema, table) = match value.split_once('.') {
        Some((_, table)) if table.contains('.') => {
            return Err(Error::new(
                literal.span(),
                "expected `table` or `schema.table`",
            ));
        }
        Some((schema, table)) => (schema, table),
        None => ("public", value.as_str()),
    };
    TableName::new(schema.to_owned(), table.to_owned()).map_err(|error| {
        Error::new(
            literal.span(),
            format!("this cannot be the ledger's table: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> std::result::Result<(Option<(String, String)>, bool), String> {
        match syn::parse_str::<Arguments>(text) {
            Ok(Arguments { explicit, down, .. }) => {
                Ok((explicit.map(|e| (e.directory, e.table.to_string())), down))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn reads_every_form() {
        let explicit =
            |directory: &str, table: &str| Some((directory.to_owned(), table.to_owned()));
        let default = explicit("db", "public.schema_migrations");
        let table = explicit("db", "app.ledger");
        assert_eq!(parse(""), Ok((None, false)));
        assert_eq!(parse("down"), Ok((None, true)));
        assert_eq!(parse("\"db\""), Ok((default.clone(), false)));
        assert_eq!(parse("\"db\", down,"), Ok((default, true)));
        assert_eq!(
            parse("\"db\", table = \"app.ledger\""),
            Ok((table.clone(), false))
        );
        assert_eq!(
            parse("\"db\", down, table = \"app.ledger\""),
            Ok((table, true))
        );
        assert_eq!(
            parse("\"db\", table = \"t\""),
            Ok((explicit("db", "public.t"), false))
        );
    }

    #[test]
    fn refuses_everything_else() {
        for (text, expected) in [
            ("db", OPTIONS),
            ("1", OPTIONS),
            ("\"db\", up", OPTIONS),
            ("\"db\" down", "expected `,`"),
            ("\"db\", down, down", "this is said twice"),
            ("\"db\", table", "expected `=`"),
            ("table = \"t\"", "without a directory"),
            (
                "\"db\", table = \"a.b.c\"",
                "expected `table` or `schema.table`",
            ),
            ("\"db\", table = \"pg_a.b\"", "belongs to PostgreSQL itself"),
            ("\"db\", table = \"a.\"", "the name is empty"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
