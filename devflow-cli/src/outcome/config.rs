//! What `devflow config` came to.

/// Every setting, and where it comes from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Configuration {
    pub(crate) settings: Vec<Setting>,
}

/// One setting. A URL is never among them, only the parts of it that may be shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    /// `None` where nothing sets it.
    pub(crate) value: Option<String>,
    pub(crate) origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Variable(String),
    /// devflow.yml, and the line.
    File(String),
    /// `.env`, and the line.
    DotEnv(String),
    /// Found by looking for it.
    Search,
    Default,
}

impl Origin {
    /// The word in JSON.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Variable(_) => "variable",
            Self::File(_) => "file",
            Self::DotEnv(_) => "dotenv",
            Self::Search => "search",
            Self::Default => "default",
        }
    }

    /// The flag, the variable, or file and line.
    pub(crate) fn at(&self) -> Option<&str> {
        match self {
            Self::Flag(flag) => Some(flag),
            Self::Variable(at) | Self::File(at) | Self::DotEnv(at) => Some(at),
            Self::Search | Self::Default => None,
        }
    }
}
