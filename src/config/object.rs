//! Objects of the configuration: from one list of fields, what is read and what the schema says.

use super::members::Members;
use super::read::{Read, ReadError};
use super::value::Value;

#[cfg(feature = "schema")]
use super::schema::Object;

/// The fields of an object, or some of them.
pub(super) trait Fields: Sized {
    /// Returns their names, in the order of the declaration.
    fn names() -> Vec<&'static str>;

    /// Takes them out of an object.
    fn take(members: &mut Members) -> Read<Self>;

    /// Adds them to an object of the schema.
    #[cfg(feature = "schema")]
    fn describe(object: &mut Object<'_>);
}

/// What stands in the declaration of an object: a field, or a group of fields, whose own name is nowhere written.
pub(super) trait Part: Sized {
    fn names(name: &'static str) -> Vec<&'static str>;

    fn take(name: &'static str, members: &mut Members) -> Read<Self>;

    #[cfg(feature = "schema")]
    fn describe(name: &'static str, meaning: &str, object: &mut Object<'_>);
}

impl<T: Value> Part for T {
    fn names(name: &'static str) -> Vec<&'static str> {
        vec![name]
    }

    fn take(name: &'static str, members: &mut Members) -> Read<T> {
        members.take(name)
    }

    #[cfg(feature = "schema")]
    fn describe(name: &'static str, meaning: &str, object: &mut Object<'_>) {
        let schema = T::schema(object.definitions());
        object.add(name, meaning, schema, T::absent().is_none());
    }
}

/// What two fields of an object must not say together.
pub(super) struct Conflict<T> {
    pub(super) is_found: fn(&T) -> bool,
    /// The field to blame.
    pub(super) field: &'static str,
    pub(super) problem: &'static str,
    /// A schema of the objects that it is found in.
    #[cfg(feature = "schema")]
    pub(super) schema: fn() -> serde_json::Value,
}

impl<T> Conflict<T> {
    /// Refuses an object in which it is found.
    pub(super) fn refuse(&self, object: &T) -> Read<()> {
        if !(self.is_found)(object) {
            return Ok(());
        }
        Err(ReadError::new(self.problem).under(format!(".{}", self.field)))
    }
}

/// Returns the name of a field as it is written: one that is a word of Rust's stands as `r#word` in the declaration.
pub(super) fn written(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// Declares a struct whose fields are fields of the configuration.
macro_rules! fields {
    ($(#[doc = $about:literal])* $name:ident { $($(#[doc = $meaning:literal])* $field:ident: $type:ty,)* }) => {
        $(#[doc = $about])*
        pub(crate) struct $name {
            $($(#[doc = $meaning])* pub(crate) $field: $type,)*
        }

        impl super::object::Fields for $name {
            fn names() -> Vec<&'static str> {
                use super::object::{Part, written};
                [$(<$type as Part>::names(written(stringify!($field)))),*].concat()
            }

            fn take(members: &mut super::members::Members) -> super::read::Read<$name> {
                use super::object::{Part, written};
                Ok($name { $($field: Part::take(written(stringify!($field)), members)?),* })
            }

            #[cfg(feature = "schema")]
            fn describe(object: &mut super::schema::Object<'_>) {
                use super::object::{Part, written};
                $(<$type as Part>::describe(written(stringify!($field)), concat!($($meaning),*).trim(), object);)*
            }
        }
    };
}

/// Declares an object. What it is, is said to who wrote something else.
macro_rules! object {
    (
        $(#[doc = $about:literal])*
        $name:ident is $expected:literal $(, unless $conflict:ident)? $(, of which there must be one: $none:literal)? {
            $($fields:tt)*
        }
    ) => {
        super::object::fields! { $(#[doc = $about])* $name { $($fields)* } }

        impl super::value::Value for $name {
            $(const EMPTY_LIST: Option<&'static str> = Some($none);)?

            fn read(tree: super::tree::Tree) -> super::read::Read<$name> {
                use super::object::Fields;
                let mut members = super::members::Members::of(tree, $expected, &$name::names())?;
                let object = $name::take(&mut members)?;
                $($conflict.refuse(&object)?;)?
                Ok(object)
            }

            #[cfg(feature = "schema")]
            fn schema(definitions: &mut super::schema::Definitions) -> serde_json::Value {
                let conflicts: &[serde_json::Value] = &[$(($conflict.schema)())?];
                let describe = <$name as super::object::Fields>::describe;
                definitions.object(stringify!($name), concat!($($about),*).trim(), conflicts, describe)
            }
        }
    };
}

/// Declares fields that several objects have: each of them names the group where its fields stand.
macro_rules! group {
    ($(#[doc = $about:literal])* $name:ident { $($fields:tt)* }) => {
        super::object::fields! { $(#[doc = $about])* $name { $($fields)* } }

        impl super::object::Part for $name {
            fn names(_: &'static str) -> Vec<&'static str> {
                <$name as super::object::Fields>::names()
            }

            fn take(_: &'static str, members: &mut super::members::Members) -> super::read::Read<$name> {
                <$name as super::object::Fields>::take(members)
            }

            #[cfg(feature = "schema")]
            fn describe(_: &'static str, _: &str, object: &mut super::schema::Object<'_>) {
                <$name as super::object::Fields>::describe(object);
            }
        }
    };
}

/// Declares a group of fields of which exactly one is to be written.
macro_rules! choice {
    (
        $(#[doc = $about:literal])*
        $name:ident, if none: $none:literal, if several: $several:literal {
            $($(#[doc = $meaning:literal])* $field:ident: $variant:ident($type:ty),)*
        }
    ) => {
        $(#[doc = $about])*
        pub(crate) enum $name {
            $($(#[doc = $meaning])* $variant($type),)*
        }

        impl super::object::Part for $name {
            fn names(_: &'static str) -> Vec<&'static str> {
                vec![$(stringify!($field)),*]
            }

            fn take(_: &'static str, members: &mut super::members::Members) -> super::read::Read<$name> {
                let written = [$(members.take::<Option<$type>>(stringify!($field))?.map($name::$variant)),*];
                let mut written = written.into_iter().flatten();
                let one = written.next().ok_or_else(|| super::read::ReadError::new($none))?;
                if written.next().is_some() { Err(super::read::ReadError::new($several)) } else { Ok(one) }
            }

            #[cfg(feature = "schema")]
            fn describe(_: &'static str, _: &str, object: &mut super::schema::Object<'_>) {
                use super::object::Part;
                $(<Option<$type> as Part>::describe(stringify!($field), concat!($($meaning),*).trim(), object);)*
                object.takes_one_of(&[$(stringify!($field)),*]);
            }
        }
    };
}

pub(super) use {choice, fields, group, object};
