//! Reading a node of the parser's tree.

use squawk_syntax::{SyntaxKind, SyntaxNode, SyntaxToken};

/// What a tree's nodes are asked for.
pub(super) trait Node {
    /// Its first child of this kind.
    fn child(&self, kind: SyntaxKind) -> Option<SyntaxNode>;

    /// Whether one of its own tokens is of this kind.
    fn has_token(&self, kind: SyntaxKind) -> bool;

    /// Whether a node of this kind is its child.
    fn has(&self, kind: SyntaxKind) -> bool {
        self.child(kind).is_some()
    }

    /// The first relation that it names, as PostgreSQL folds it.
    fn relation(&self) -> Option<String>;

    /// The name that it is, as PostgreSQL folds it, `public` left out.
    fn name(&self) -> Option<String>;

    /// Its text on one line, words that are not quoted in lower case, comments left out.
    ///
    /// Strings are shown where they describe a table or a type. Anywhere else one may be a password.
    fn words(&self) -> String;
}

/// A text that is shown is cut here: what a reviewer has to see of a statement is at its beginning.
const LONGEST: usize = 160;

impl Node for SyntaxNode {
    fn child(&self, kind: SyntaxKind) -> Option<SyntaxNode> {
        self.children().find(|child| child.kind() == kind)
    }

    fn has_token(&self, kind: SyntaxKind) -> bool {
        tokens_of(self).any(|token| token.kind() == kind)
    }

    fn relation(&self) -> Option<String> {
        let mut nodes = self.descendants();
        nodes.find(|node| is_relation(node.kind()))?.name()
    }

    fn name(&self) -> Option<String> {
        let parts: Vec<_> = self
            .descendants_with_tokens()
            .filter_map(|element| element.into_token())
            .filter(|token| !token.kind().is_trivia())
            .filter(|token| !matches!(token.kind(), SyntaxKind::ONLY_KW | SyntaxKind::STAR))
            .map(|token| token.text().to_owned())
            .collect();
        qualified(&parts)
    }

    fn words(&self) -> String {
        let mut words = String::new();
        let shows_strings = self.ancestors().any(|node| describes_data(node.kind()));
        let tokens = self.descendants_with_tokens();
        for token in tokens.filter_map(|element| element.into_token()) {
            match token.kind() {
                SyntaxKind::COMMENT => {}
                SyntaxKind::WHITESPACE if words.ends_with([' ', '(']) || words.is_empty() => {}
                SyntaxKind::WHITESPACE => words.push(' '),
                kind if is_string(kind) && !shows_strings => words.push_str("'…'"),
                _ => words.push_str(&shown(&token)),
            }
            if words.len() > LONGEST {
                return cut(&words);
            }
        }
        words.truncate(words.trim_end().len());
        words
    }
}

fn tokens_of(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    let elements = node.children_with_tokens();
    elements.filter_map(|element| element.into_token())
}

/// The keywords with which a statement names the kind of its object, the verb aside: `materialized view`.
pub(super) fn object_kind(statement: &SyntaxNode) -> Option<String> {
    let before_name = |element: &squawk_syntax::SyntaxElement| match element.as_node() {
        None => true,
        Some(node) => is_modifier(node.kind()),
    };
    let elements = statement.children_with_tokens().take_while(before_name);
    let keywords = elements
        .filter_map(|element| element.into_token())
        .filter(|token| token.kind().is_keyword() && !is_modifier(token.kind()));
    let words: Vec<_> = keywords
        .skip(1)
        .map(|token| token.text().to_lowercase())
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// What may stand between `CREATE` and the object's name.
pub(super) fn is_modifier(kind: SyntaxKind) -> bool {
    use SyntaxKind as S;
    matches!(
        kind,
        S::OR_REPLACE
            | S::IF_EXISTS
            | S::IF_NOT_EXISTS
            | S::TEMP
            | S::UNLOGGED
            | S::UNIQUE_KW
            | S::CONCURRENTLY_KW
            | S::RECURSIVE_KW
            | S::CONSTRAINT_KW
            | S::ON_KW
    )
}

fn is_relation(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::TABLE_NAME_REF
            | SyntaxKind::RELATION_NAME_REF
            | SyntaxKind::TABLE_NAME
            | SyntaxKind::VIEW_REF
            | SyntaxKind::VIEW
            | SyntaxKind::INDEX_REF
    )
}

/// Whether a statement's strings are defaults, labels and bounds.
fn describes_data(statement: SyntaxKind) -> bool {
    matches!(
        statement,
        SyntaxKind::ALTER_TABLE | SyntaxKind::ALTER_TYPE | SyntaxKind::ALTER_DOMAIN
    )
}

fn is_string(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::STRING
            | SyntaxKind::DOLLAR_QUOTED_STRING
            | SyntaxKind::ESC_STRING
            | SyntaxKind::UNICODE_ESC_STRING
            | SyntaxKind::NATIONAL_STRING
            | SyntaxKind::BYTE_STRING
            | SyntaxKind::BIT_STRING
    )
}

/// `public.Users` is users, and `"Users"` is Users; `None` for what is no name.
fn qualified(parts: &[String]) -> Option<String> {
    let mut name = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index % 2 == 1 {
            if part != "." {
                return None;
            }
            match name.as_str() {
                "public" => name.clear(),
                _ => name.push('.'),
            }
        } else {
            name.push_str(&folded(part)?);
        }
    }
    (!name.is_empty()).then_some(name)
}

fn folded(word: &str) -> Option<String> {
    let quoted = word
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match quoted {
        Some(quoted) => Some(quoted.replace("\"\"", "\"")),
        None => word
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
            .then(|| word.to_lowercase()),
    }
}

fn shown(token: &SyntaxToken) -> String {
    let text = token.text();
    let is_word = text
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
    match is_word {
        true => text.to_lowercase(),
        false => text.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

fn cut(text: &str) -> String {
    let mut end = LONGEST.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}
